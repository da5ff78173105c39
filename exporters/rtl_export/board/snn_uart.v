// Bytes over two wires, 8 bits, no parity, one stop bit; DIVIDE clocks a bit.
module snn_uart_receive #(
    parameter DIVIDE = 12
) (
    input            clk,
    input            rst,
    input            rx,
    output reg       valid,
    output reg [7:0] data
);
    reg [2:0]  line;
    reg [15:0] wait_;
    reg [3:0]  bits;
    always @(posedge clk) begin
        line  <= {line[1:0], rx};
        valid <= 0;
        if (bits == 0) begin
            if (!line[2]) begin
                bits <= 10; wait_ <= DIVIDE / 2;
            end
        end else if (wait_ != 0) wait_ <= wait_ - 1;
        else begin
            wait_ <= DIVIDE - 1;
            bits  <= (bits == 10 && line[2]) ? 0 : bits - 1;
            if (bits != 10 && bits != 1) data <= {line[2], data[7:1]};
            valid <= bits == 1 && line[2];
        end
        if (rst) begin
            bits <= 0; line <= 3'b111; valid <= 0;
        end
    end
endmodule

module snn_uart_send #(
    parameter DIVIDE = 12
) (
    input       clk,
    input       rst,
    output      tx,
    input       valid,
    output      ready,
    input [7:0] data
);
    reg [9:0]  shift;
    reg [3:0]  bits;
    reg [15:0] wait_;
    assign tx    = bits == 0 ? 1'b1 : shift[0];
    assign ready = bits == 0;
    always @(posedge clk) begin
        if (bits == 0) begin
            if (valid) begin
                shift <= {1'b1, data, 1'b0}; bits <= 10; wait_ <= DIVIDE - 1;
            end
        end else if (wait_ != 0) wait_ <= wait_ - 1;
        else begin
            wait_ <= DIVIDE - 1; shift <= {1'b1, shift[9:1]}; bits <= bits - 1;
        end
        if (rst) bits <= 0;
    end
endmodule
