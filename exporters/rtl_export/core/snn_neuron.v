// The arithmetic of one neuron, no clock: what a step does to u and v. The pipeline of snn_update registers between these.

// sign(x) * ((|x| * keep) >> 12): a decay rounds toward zero. keep = 4096 - d.
module snn_decay_product #(
    parameter UB = 32
) (
    input  signed [UB-1:0] x,
    input         [12:0]   keep,
    output                 negative,
    output        [UB+12:0] product
);
    wire [UB-1:0] magnitude = x[UB-1] ? -x : x;
    assign negative = x[UB-1];
    assign product  = magnitude * keep;
endmodule

module snn_decay_round #(
    parameter UB = 32
) (
    input                   negative,
    input         [UB+12:0] product,
    output signed [UB:0]    y
);
    wire signed [UB:0] kept = {1'b0, product[UB+11:12]};
    assign y = negative ? -kept : kept;
endmodule

// u = wrap(decayed + (a << 6)): 2^24 comes off once above 2^23, and goes on once at or below -2^23.
module snn_wrap #(
    parameter UB = 32,
    parameter AB = 32
) (
    input  signed [UB:0]   decayed,
    input  signed [AB-1:0] a,
    output signed [UB-1:0] u,
    output                 beyond,   // u leaves its register
    output                 wrapped
);
    localparam SB = ((AB + 6 > UB + 1) ? AB + 6 : UB + 1) + 1;
    localparam signed [25:0] HALF  = 26'sd8388608;
    localparam signed [25:0] WHOLE = 26'sd16777216;
    localparam signed [SB+1:0] LIMIT = {{(SB + 3 - UB){1'b0}}, {(UB - 1){1'b1}}};
    wire signed [SB+1:0] sum  = decayed + (a <<< 6);
    wire                 over  = sum > HALF;
    wire                 under = sum <= -HALF;
    wire signed [SB+1:0] kept = over ? sum - WHOLE : under ? sum + WHOLE : sum;
    assign u       = kept[UB-1:0];
    assign wrapped = over || under;
    assign beyond  = kept > LIMIT || kept < -LIMIT;
endmodule

// v = clip(decayed + u + bias): saturates at plus and minus 2^23 - 1.
module snn_clip #(
    parameter UB = 32
) (
    input  signed [24:0]   decayed,
    input  signed [UB-1:0] u,
    input  signed [20:0]   bias,
    output signed [23:0]   v,
    output                 clipped
);
    localparam signed [24:0] MOST = 25'sd8388607;
    wire signed [UB+2:0] sum  = decayed + u + bias;
    wire                 high = sum > MOST;
    wire                 low  = sum < -MOST;
    assign v       = high ? 24'sh7fffff : low ? 24'sh800001 : sum[23:0];
    assign clipped = high || low;
endmodule

// Whether v fires once more, and what one more spike leaves of it.
module snn_fire (
    input  signed [23:0] v,
    input         [16:0] vth,
    input                fires,
    input                at_threshold,
    output               spike,
    output signed [23:0] less
);
    wire signed [23:0] theta = {1'b0, vth, 6'b0};
    assign spike = fires && (at_threshold ? v >= theta : v > theta);
    assign less  = v - theta;
endmodule
