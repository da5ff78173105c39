// A memory that is never read and written in one clock. HUGE puts it into single-port RAM where the device has such
// (iCE40 UP5K: 128 KB), which no bitstream fills: what FILE holds is then written through the port.
module snn_single #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter FILE  = "",
    parameter HUGE  = 0,
    parameter AW    = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input              clk,
    input              we,
    input  [AW-1:0]    waddr,
    input  [WIDTH-1:0] wdata,
    input  [AW-1:0]    raddr,
    output [WIDTH-1:0] rdata
);
    generate if (HUGE) begin : one_port
        (* ram_style = "huge" *) reg [WIDTH-1:0] mem [0:DEPTH-1];
        reg  [WIDTH-1:0] held;
        wire [AW-1:0]    address = we ? waddr : raddr;
        assign rdata = held;
        always @(posedge clk)
            if (we) mem[address] <= wdata;
            else held <= mem[address];
    end else begin : two_ports
        snn_ram #(.WIDTH(WIDTH), .DEPTH(DEPTH), .FILE(FILE)) ram (
            .clk(clk), .we(we), .waddr(waddr), .wdata(wdata), .re(1'b1), .raddr(raddr), .rdata(rdata)
        );
    end endgenerate
endmodule
