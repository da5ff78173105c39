// The messages that populations sent, `lag` steps back: per source a ring of `slots` queues of `cap` messages each.
// An update opens the next slot of its source, pushes into it, and closes it; a walk asks for a slot `back` before it.
module snn_queues #(
    parameter EB = 16,
    parameter DEPTH = 16,
    parameter SOURCES = 2,
    parameter SLOTS = 2,            // of all sources together
    parameter HUGE = 0,             // 1: in single-port RAM; an update writes, a walk reads, never both
    parameter AW = (DEPTH > 1) ? $clog2(DEPTH) : 1,
    parameter SW = (SLOTS > 1) ? $clog2(SLOTS) : 1,
    parameter NW = (SOURCES > 1) ? $clog2(SOURCES) : 1
) (
    input               clk,
    input               rst,
    input               clear,      // at the start of a sample: forget slot clear_slot, source clear_source stands at slot 0
    input      [SW-1:0] clear_slot,
    input      [NW-1:0] clear_source,
    input      [NW-1:0] source,
    output     [SW-1:0] slot,       // newest slot of `source`, and where its messages lie
    output     [AW-1:0] slot_base,
    input               open,
    input               push,
    input               close,
    input      [EB-1:0] message,
    input      [AW-1:0] base,       // of this source's ring
    input      [SW-1:0] first_count,
    input      [AW:0]   cap,
    input      [SW:0]   slots,
    input      [SW-1:0] count_slot,
    output     [AW:0]   count,      // a clock behind count_slot
    input      [AW-1:0] raddr,
    output     [EB-1:0] rdata,
    output reg          overflow
);
    reg [SW-1:0] newest [0:SOURCES-1];
    reg [AW-1:0] bases  [0:SOURCES-1];
    reg [AW:0]   pushed;

    assign slot      = newest[source];
    assign slot_base = bases[source];
    wire last = slot == slots - 1;
    wire full = pushed == cap;

    wire takes = push && !full;
    wire [AW-1:0] place = base + slot_base + pushed[AW-1:0];
    snn_single #(.WIDTH(EB), .DEPTH(DEPTH), .HUGE(HUGE)) messages (
        .clk(clk), .we(takes), .waddr(place), .wdata(message), .raddr(raddr), .rdata(rdata)
    );

    wire [SW-1:0] closing = first_count + slot;
    wire [SW-1:0] count_at = clear ? clear_slot : closing;
    wire [AW:0]   count_in = clear ? {(AW + 1){1'b0}} : pushed;
    snn_ram #(.WIDTH(AW + 1), .DEPTH(SLOTS)) counts (
        .clk(clk), .we(clear || close), .waddr(count_at), .wdata(count_in),
        .re(1'b1), .raddr(count_slot), .rdata(count)
    );

    always @(posedge clk) begin
        if (rst) overflow <= 0;
        else if (push && full) overflow <= 1;
        if (open) pushed <= 0;
        else if (push && !full) pushed <= pushed + 1;
        if (clear) begin
            newest[clear_source] <= 0;
            bases[clear_source]  <= 0;
        end else if (open) begin
            newest[source] <= last ? 0 : slot + 1;
            bases[source]  <= last ? 0 : slot_base + cap[AW-1:0];
        end
    end

`ifdef SNN_PROVE
    `include "queues_properties.vh"
`endif
endmodule
