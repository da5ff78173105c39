// The core behind a UART. Every item, in and out, is 8 bytes: kind, 4 bytes of address, 3 bytes of value, low byte first.
// Kind 3 (in only) loads weights: the address of a word, its value 24 bits at a time, lowest first; needed where HUGE is 1.
// XON and XOFF are not needed: the host sends a step, and waits for the end-of-step item before the next but one. An item
// that comes while one still waits is lost, and `fault` stays lit, as it does when the core stops.
// The pins are registered, so that the clock figure of place and route is the core's.
module snn_top #(
    parameter DIVIDE = 12,
    parameter HUGE = 0
) (
    input      clk,
    input      rx,
    output     tx,
    output reg fault
);
    `include "parameters.vh"
    localparam EB = YB + XB + CB;
    localparam WA = (WEIGHTS > 1) ? $clog2(WEIGHTS) : 1;
    localparam PIECES = (LANES * WB + 23) / 24;

    reg [7:0] up = 0;
    wire rst = !up[7];
    always @(posedge clk) if (rst) up <= up + 1;

    wire in_valid; wire [7:0] in_byte;
    snn_uart_receive #(.DIVIDE(DIVIDE)) receive (.clk(clk), .rst(rst), .rx(rx), .valid(in_valid), .data(in_byte));
    reg [55:0] bytes; reg [63:0] item; reg [2:0] in_count; reg waits, lost;
    wire loads = item[1:0] == 3;
    wire s_ready;
    wire taken = waits && (loads || s_ready);
    always @(posedge clk) begin
        if (taken) waits <= 0;
        if (in_valid) begin
            bytes <= {in_byte, bytes[55:8]}; in_count <= in_count + 1;
            if (in_count == 7) begin
                item <= {in_byte, bytes}; waits <= 1;
                if (waits && !taken) lost <= 1;
            end
        end
        if (rst) begin
            in_count <= 0; waits <= 0; lost <= 0;
        end
    end

    reg [24*PIECES-1:0] word; reg [7:0] piece; reg load; reg [WA-1:0] load_address;
    always @(posedge clk) begin
        load <= 0;
        if (waits && loads) begin
            word <= {item[63:40], word} >> 24;
            piece <= piece == PIECES - 1 ? 0 : piece + 1;
            load <= piece == PIECES - 1; load_address <= item[8 +: WA];
        end
        if (rst) piece <= 0;
    end

    wire m_valid; wire [1:0] m_kind; wire [EB-1:0] m_address; wire signed [23:0] m_value; wire [2:0] error;
    reg [63:0] answer; reg [3:0] out_count; wire out_ready;
    wire m_ready = out_count == 0;
    snn_core #(
        .LANES(LANES), .WB(WB), .MB(MB), .AB(AB), .UB(UB), .YB(YB), .XB(XB), .CB(CB), .ICB(ICB), .QB(QB), .WEIGHTS(WEIGHTS), .ROWS(ROWS),
        .NEURONS(NEURONS), .REGISTERS(REGISTERS), .INITIAL(INITIAL), .TABLE(TABLE), .PROGRAM(PROGRAM), .SOURCES(SOURCES),
        .MESSAGES(MESSAGES), .SLOTS(SLOTS), .INPUTS(INPUTS), .INPUT_SLOTS(INPUT_SLOTS), .LEFT(LEFT), .FOLD(FOLD), .UP(UP), .DOWN(DOWN),
        .CURRENT(CURRENT), .MOST(MOST), .REFRACTORY(REFRACTORY), .HUGE(HUGE)
    ) core (
        .clk(clk), .rst(rst), .s_valid(waits && !loads), .s_ready(s_ready), .s_kind(item[1:0]), .s_address(item[8 +: EB]),
        .s_value(item[40 +: MB]), .m_valid(m_valid), .m_ready(m_ready), .m_kind(m_kind), .m_address(m_address), .m_value(m_value),
        .load(load), .load_address(load_address), .load_word(word[LANES*WB-1:0]), .probe(), .probe_source(), .probe_address(),
        .probe_u(), .probe_v(), .probe_count(), .busy(), .error(error), .error_source()
    );
    always @(posedge clk) begin
        fault <= error != 0 || lost;
        if (m_ready) begin
            if (m_valid) begin
                answer <= {m_value, {(32 - EB){1'b0}}, m_address, 6'b0, m_kind}; out_count <= 8;
            end
        end else if (out_ready) begin
            answer <= answer >> 8; out_count <= out_count - 1;
        end
        if (rst) out_count <= 0;
    end
    snn_uart_send #(.DIVIDE(DIVIDE)) send (
        .clk(clk), .rst(rst), .tx(tx), .valid(out_count != 0), .ready(out_ready), .data(answer[7:0])
    );
endmodule
