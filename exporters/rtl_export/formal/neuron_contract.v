// The contract of docs/arithmetic.md, written with divisions and comparisons, against snn_neuron.v: all inputs.
module neuron_contract #(
    parameter UB = 32
);
    (* anyconst *) reg signed [22:0] a;
    (* anyconst *) reg signed [UB:0] decayed;
    (* anyconst *) reg signed [24:0] decayed_v;
    (* anyconst *) reg signed [UB-1:0] u_in;
    (* anyconst *) reg signed [20:0] bias;
    (* anyconst *) reg signed [23:0] v;
    (* anyconst *) reg [16:0] vth;
    (* anyconst *) reg fires, at_threshold;

    wire signed [63:0] limit = 64'sd1 <<< (UB - 1);
    // wrap
    wire signed [UB-1:0] u; wire beyond, wrapped;
    snn_wrap #(.UB(UB), .AB(23)) wrap (.decayed(decayed), .a(a), .u(u), .beyond(beyond), .wrapped(wrapped));
    wire signed [63:0] sum = decayed + a * 64;
    wire signed [63:0] kept = sum > 64'sd8388608 ? sum - 64'sd16777216 : sum <= -64'sd8388608 ? sum + 64'sd16777216 : sum;

    // clip
    wire signed [23:0] clipped_v; wire clipped;
    snn_clip #(.UB(UB)) clip (.decayed(decayed_v), .u(u_in), .bias(bias), .v(clipped_v), .clipped(clipped));
    wire signed [63:0] raised = decayed_v + u_in + bias;
    wire signed [63:0] bounded = raised > 64'sd8388607 ? 64'sd8388607 : raised < -64'sd8388607 ? -64'sd8388607 : raised;

    // fire
    wire spike; wire signed [23:0] less;
    snn_fire fire (.v(v), .vth(vth), .fires(fires), .at_threshold(at_threshold), .spike(spike), .less(less));
    wire signed [63:0] theta = vth * 64'sd64;
    wire signed [63:0] wide_v = v;

    always @* begin
        assume (a < 23'sd2097152 && a > -23'sd2097152);
        assume (decayed < limit && decayed > -limit);
        assert (beyond == (kept >= limit || kept <= -limit));
        if (!beyond) assert (u == kept);
        assert (wrapped == (kept != sum));
        assert (clipped_v == bounded);
        assert (clipped == (bounded != raised));
        assert (spike == (fires && (wide_v > theta || (at_threshold && wide_v == theta))));
        if (spike) assert (less == wide_v - theta);
        if (spike && !at_threshold) assert (less > 0);
    end
endmodule

// decay(x, d) = sign(x) * ((|x| * (4096 - d)) >> 12), the contract's own equation; -1 decays to 0.
module decay_contract #(
    parameter UB = 24
);
    (* anyconst *) reg signed [UB-1:0] x;
    (* anyconst *) reg [12:0] keep;
    wire negative; wire [UB+12:0] product; wire signed [UB:0] y;
    snn_decay_product #(.UB(UB)) multiply (.x(x), .keep(keep), .negative(negative), .product(product));
    snn_decay_round #(.UB(UB)) round (.negative(negative), .product(product), .y(y));
    wire [UB-1:0] magnitude = x[UB-1] ? -x : x;
    wire [UB+12:0] exact = magnitude * keep;
    wire signed [UB:0] kept = {1'b0, exact[UB+11:12]};
    wire signed [UB:0] divided = x < 0 ? -kept : kept;
    always @* begin
        assume (keep <= 4096);
        assert (y == divided);
        assert (!product[UB+12]);
        if (x == -1 && keep < 4096) assert (y == 0);
        assert (!(x < 0 && y > 0) && !(x > 0 && y < 0));
    end
endmodule
