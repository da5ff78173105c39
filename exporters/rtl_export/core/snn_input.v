// Messages from outside, and the barrier between steps: one step is computed while the next one fills its queue.
//
// Items: kind 0 a message (address, value), kind 1 the end of a step, kind 2 the start of a sample. A queue keeps the
// messages of `slots` steps, slots = greatest lag + 2, `cap` messages each. `filled` counts the whole steps that are not
// yet computed; a third one has no place, so s_ready is low.
module snn_input #(
    parameter EB = 16,              // bits of a message: address and value
    parameter DEPTH = 16,
    parameter SLOTS = 2,
    parameter AW = (DEPTH > 1) ? $clog2(DEPTH) : 1,
    parameter SW = (SLOTS > 1) ? $clog2(SLOTS) : 1
) (
    input               clk,
    input               rst,
    input      [AW:0]   cap,
    input      [SW:0]   slots,
    input               enable,
    input               s_valid,
    output              s_ready,
    input      [1:0]    s_kind,
    input      [EB-1:0] s_message,
    output reg          start,      // a new sample waits for its initial state
    input               started,
    output              step,       // a whole step waits
    input               step_done,
    input               clear,      // forget the messages of slot clear_slot
    input      [SW-1:0] clear_slot,
    output reg [SW-1:0] slot,       // of the step that is computed
    output reg [AW-1:0] slot_base,
    input      [SW-1:0] count_slot,
    output     [AW:0]   count,
    input               re,
    input      [AW-1:0] raddr,
    output     [EB-1:0] rdata,
    output reg          overflow
);
    localparam MESSAGE = 2'd0, STEP = 2'd1, SAMPLE = 2'd2;

    reg  [1:0]    filled;
    reg  [SW-1:0] wslot;
    reg  [AW-1:0] wbase;
    reg  [AW:0]   wcount;
    reg  [AW:0]   counts [0:SLOTS-1];

    wire room    = filled < 2 && !start && enable;
    assign s_ready = (s_kind == SAMPLE) ? (room && filled == 0 && wcount == 0) : room;
    wire take    = s_valid && s_ready;
    wire full    = wcount == cap;
    wire push    = take && s_kind == MESSAGE && !full;
    wire close   = take && s_kind == STEP;
    wire wlast   = wslot == slots - 1;
    wire rlast   = slot == slots - 1;
    assign step  = filled != 0;
    assign count = counts[count_slot];

    snn_ram #(.WIDTH(EB), .DEPTH(DEPTH)) messages (
        .clk(clk), .we(push), .waddr(wbase + wcount[AW-1:0]), .wdata(s_message), .re(re), .raddr(raddr), .rdata(rdata)
    );

    always @(posedge clk) begin
        if (close) counts[wslot] <= wcount;
        else if (clear) counts[clear_slot] <= 0;
        if (rst || started) begin
            filled <= 0; wslot <= 0; wbase <= 0; wcount <= 0; slot <= 0; slot_base <= 0;
            start <= 0;
            if (rst) overflow <= 0;
        end else begin
            filled <= filled + close - step_done;
            if (push) wcount <= wcount + 1;
            if (take && s_kind == MESSAGE && full) overflow <= 1;
            if (take && s_kind == SAMPLE) start <= 1;
            if (close) begin
                wcount <= 0;
                wslot  <= wlast ? 0 : wslot + 1;
                wbase  <= wlast ? 0 : wbase + cap[AW-1:0];
            end
            if (step_done) begin
                slot      <= rlast ? 0 : slot + 1;
                slot_base <= rlast ? 0 : slot_base + cap[AW-1:0];
            end
        end
    end

`ifdef SNN_PROVE
    `include "input_properties.vh"
`endif
endmodule
