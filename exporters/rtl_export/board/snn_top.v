// The core behind a UART. Every item, in and out, is 8 bytes: kind, 4 bytes of address, 3 bytes of value, low byte first.
// XON and XOFF are not needed: the host sends a step, and waits for the end-of-step item before the next but one.
// The pins are registered, so that the clock figure of place and route is the core's.
module snn_top #(
    parameter DIVIDE = 12
) (
    input      clk,
    input      rx,
    output     tx,
    output reg fault
);
    `include "parameters.vh"
    localparam EB = YB + XB + CB;

    reg [7:0] up = 0;
    wire rst = !up[7];
    always @(posedge clk) if (rst) up <= up + 1;

    wire in_valid; wire [7:0] in_byte;
    snn_uart_receive #(.DIVIDE(DIVIDE)) receive (.clk(clk), .rst(rst), .rx(rx), .valid(in_valid), .data(in_byte));
    reg [63:0] item; reg [2:0] in_count; reg s_valid; wire s_ready;
    always @(posedge clk) begin
        if (s_ready) s_valid <= 0;
        if (in_valid) begin
            item <= {in_byte, item[63:8]}; in_count <= in_count + 1;
            if (in_count == 7) s_valid <= 1;
        end
        if (rst) begin
            in_count <= 0; s_valid <= 0;
        end
    end

    wire m_valid; wire [1:0] m_kind; wire [EB-1:0] m_address; wire signed [23:0] m_value; wire [2:0] error;
    reg [63:0] answer; reg [3:0] out_count; wire out_ready;
    wire m_ready = out_count == 0;
    snn_core #(
        .LANES(LANES), .WB(WB), .MB(MB), .AB(AB), .UB(UB), .YB(YB), .XB(XB), .CB(CB), .QB(QB), .WEIGHTS(WEIGHTS), .ROWS(ROWS),
        .NEURONS(NEURONS), .REGISTERS(REGISTERS), .INITIAL(INITIAL), .TABLE(TABLE), .PROGRAM(PROGRAM), .SOURCES(SOURCES),
        .MESSAGES(MESSAGES), .SLOTS(SLOTS), .INPUTS(INPUTS), .INPUT_SLOTS(INPUT_SLOTS), .LEFT(LEFT), .FOLD(FOLD),
        .CURRENT(CURRENT), .MOST(MOST), .REFRACTORY(REFRACTORY)
    ) core (
        .clk(clk), .rst(rst), .s_valid(s_valid), .s_ready(s_ready), .s_kind(item[1:0]), .s_address(item[8 +: EB]),
        .s_value(item[40 +: MB]), .m_valid(m_valid), .m_ready(m_ready), .m_kind(m_kind), .m_address(m_address), .m_value(m_value),
        .load(1'b0), .load_address(0), .load_word(0), .probe(), .probe_source(), .probe_address(), .probe_u(), .probe_v(),
        .probe_count(), .busy(), .error(error), .error_source()
    );
    always @(posedge clk) begin
        fault <= error != 0;
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
