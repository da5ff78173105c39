// One memory: a write port and a read port of one clock, the read held while `re` is low.
// FILE names an image for $readmemh. A simulation that defines SNN_PLUSARGS finds it in the folder +mem=FOLDER.
module snn_ram #(
    parameter WIDTH = 8,
    parameter DEPTH = 16,
    parameter FILE  = "",
    parameter AW    = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input                  clk,
    input                  we,
    input      [AW-1:0]    waddr,
    input      [WIDTH-1:0] wdata,
    input                  re,
    input      [AW-1:0]    raddr,
    output reg [WIDTH-1:0] rdata
);
    reg [WIDTH-1:0] mem [0:DEPTH-1];

`ifdef SNN_PLUSARGS
    string folder;
    initial
        if (FILE != "") begin
            if (!$value$plusargs("mem=%s", folder)) folder = "mem";
            $readmemh($sformatf("%s/%s", folder, FILE), mem);
        end
`else
    `ifndef SNN_NO_IMAGES
    generate if (FILE != "") begin : image
        initial $readmemh(FILE, mem);
    end endgenerate
`endif
`endif

    always @(posedge clk) begin
        if (we) mem[waddr] <= wdata;
        if (re) rdata <= mem[raddr];
    end
endmodule
