// The second half of a step: every neuron of a population takes its sum, once. One neuron a clock, six stages:
// address, sum and state, products, u, v, spike and write. `advance` halts them all while the output is not taken.
module snn_update #(
    parameter LANES = 1,
    parameter AB = 24,
    parameter UB = 24,              // bits of u
    parameter YB = 4,
    parameter XB = 4,
    parameter CB = 8,
    parameter RA = 8,               // address of an accumulator row
    parameter SA = 8,               // address of a neuron's state
    parameter PA = 8,               // address of a set of registers
    parameter UP = 15,              // greatest shift of a whole sum to the left, and to the right
    parameter DOWN = 8,
    parameter CURRENT = 1,          // 0: u is forgotten every step and not kept
    parameter MOST = 0,             // bits of the count of spikes; 0: one spike a step
    parameter REFRACTORY = 0,       // 1: neurons rest after a spike
    parameter KB = MOST ? MOST : 1,
    parameter STATE = (CURRENT ? UB : 0) + 24 + (REFRACTORY ? 6 : 0)
) (
    input                       clk,
    input                       rst,
    input                       start,
    input                       initial_state,  // write u0 and v0 instead of a step
    input      [CB:0]           channels,
    input      [YB:0]           high,
    input      [XB:0]           wide,
    input      [SA-1:0]         state_base,
    input      [PA-1:0]         register_base,
    input      [1:0]            sharing,        // registers: 0 one set, 1 a set per channel, 2 a set per neuron
    input      signed [4:0]     shift,          // of the whole sum
    input                       fires,
    input                       subtract,
    input                       keep,           // reset "none"
    input                       at_threshold,
    input      [5:0]            refractory,
    input      [KB-1:0]         most,
    input                       report_v,       // every v goes to the output
    input                       report_spikes,
    output                      read,
    output     [RA-1:0]         read_row,
    input      [LANES*AB-1:0]   sums,
    output                      clear_row,
    output     [RA-1:0]         clear_at,
    output                      state_re,
    output     [SA-1:0]         state_raddr,
    input      [STATE-1:0]      state_rdata,
    output                      state_we,
    output     [SA-1:0]         state_waddr,
    output     [STATE-1:0]      state_wdata,
    output     [PA-1:0]         register_address,
    input      [61:0]           registers,      // {bias 20, vth 17, 4096 - dv 13, 4095 - du 12}
    input      [UB+23:0]        initials,       // {u0, v0}
    output                      done_v,         // one neuron is done
    output     [YB-1:0]         done_y,
    output     [XB-1:0]         done_x,
    output     [CB-1:0]         done_c,
    output     signed [UB-1:0]  done_u,
    output     signed [23:0]    done_state,
    output     [KB-1:0]         done_count,
    input                       output_ready,
    output                      idle,
    output reg                  sum_overflow,
    output reg                  u_overflow
);
    localparam LB = (LANES > 1) ? $clog2(LANES) : 1;
    localparam XYC = YB + XB + CB;
    localparam WIDE = AB + UP + 1 > 24 ? AB + UP + 1 : 24;
    localparam UPB = UP > 1 ? $clog2(UP + 1) : 1;
    localparam DOWNB = DOWN > 1 ? $clog2(DOWN + 1) : 1;

    // 0: which neuron
    reg           run, init;
    reg [YB-1:0]  y;
    reg [XB-1:0]  x;
    reg [CB-1:0]  c;
    reg [RA-1:0]  row;
    reg [SA-1:0]  place;
    reg [PA-1:0]  set;
    reg [LB-1:0]  lane;
    wire advance;
    wire last_c    = c == channels - 1;
    wire last_x    = x == wide - 1;
    wire last      = last_c && last_x && y == high - 1;
    wire last_lane = last_c || LANES == 1 || lane == LANES - 1;

    assign read = run; assign read_row = row;
    assign state_re = advance; assign state_raddr = place;
    assign register_address = set;

    // 1: what was read
    reg           v1, clear1; reg [XYC-1:0] n1; reg [SA-1:0] p1; reg [LB-1:0] lane1; reg [RA-1:0] row1;
    reg           fresh1;                       // memory outputs are of this neuron, not yet held
    assign clear_row = v1 && clear1 && advance;
    assign clear_at  = row1;
    // The accumulator's read port has no enable: what it gave is held while the pipeline stands.
    reg  [LANES*AB-1:0] held1;
    wire [LANES*AB-1:0] sums1 = fresh1 ? sums : held1;
    wire signed [AB-1:0] lane_sum = sums1 >> (LANES > 1 ? lane1 * AB : 0);

    // 2: one sum
    reg v2; reg [XYC-1:0] n2; reg [SA-1:0] p2;
    reg signed [AB-1:0] s2;
    reg signed [UB-1:0] u2; reg signed [23:0] w2; reg [5:0] rest2;
    reg [61:0] r2; reg [UB+23:0] i2;
    wire signed [WIDE-1:0] wide2 = s2;
    wire [4:0] back = -shift;
    wire signed [WIDE-1:0] a2 = DOWN && shift < 0 ? wide2 >>> back[DOWNB-1:0] : UP ? wide2 <<< shift[UPB-1:0] : wide2;
    localparam signed [WIDE-1:0] LIMIT = 1 << 21;
    wire [12:0] keep_u = {1'b0, r2[11:0]};
    wire [12:0] keep_v = r2[24:12];
    wire neg_u, neg_v; wire [UB+12:0] prod_u; wire [36:0] prod_v;
    snn_decay_product #(.UB(UB)) decay_u (.x(u2), .keep(keep_u), .negative(neg_u), .product(prod_u));
    snn_decay_product #(.UB(24)) decay_v (.x(w2), .keep(keep_v), .negative(neg_v), .product(prod_v));

    // 3: products
    reg v3; reg [XYC-1:0] n3; reg [SA-1:0] p3;
    reg signed [22:0] a3; reg neg_u3, neg_v3; reg [UB+12:0] pu3; reg [36:0] pv3;
    reg signed [23:0] w3; reg [5:0] rest3; reg [36:0] r3; reg [UB+23:0] i3;
    wire signed [UB:0] du3; wire signed [24:0] dv3; wire signed [UB-1:0] u3_new; wire beyond3, wrapped3;
    snn_decay_round #(.UB(UB)) round_u (.negative(neg_u3), .product(pu3), .y(du3));
    snn_decay_round #(.UB(24)) round_v (.negative(neg_v3), .product(pv3), .y(dv3));
    snn_wrap #(.UB(UB), .AB(23)) wrap (.decayed(du3), .a(a3), .u(u3_new), .beyond(beyond3), .wrapped(wrapped3));

    // 4: u
    reg v4; reg [XYC-1:0] n4; reg [SA-1:0] p4;
    reg signed [UB-1:0] u4; reg signed [24:0] d4; reg signed [23:0] w4; reg [5:0] rest4; reg [36:0] r4; reg [UB+23:0] i4;
    wire signed [20:0] bias4 = $signed(r4[36:17]);
    wire signed [23:0] v4_new; wire clipped4;
    snn_clip #(.UB(UB)) clip (.decayed(d4), .u(u4), .bias(bias4), .v(v4_new), .clipped(clipped4));

    // 5: v and spikes
    reg v5; reg [XYC-1:0] n5; reg [SA-1:0] p5;
    reg signed [UB-1:0] u5; reg signed [23:0] w5; reg [5:0] rest5; reg [16:0] vth5; reg [UB+23:0] i5;
    reg [KB-1:0] spikes; reg signed [23:0] residue;
    wire resting = REFRACTORY && rest5 != 0;
    wire signed [23:0] compared = (MOST && spikes != 0) ? residue : w5;
    wire spike; wire signed [23:0] less;
    snn_fire fire (.v(compared), .vth(vth5), .fires(fires && !resting && !init), .at_threshold(at_threshold), .spike(spike), .less(less));
    wire more = MOST ? spike && spikes != most : 1'b0;
    wire [KB-1:0] count = MOST ? spikes : spike;
    wire fired = count != 0;
    wire signed [23:0] taken = MOST ? compared : less;
    wire signed [23:0] after = !fired || keep ? w5 : subtract ? taken : 24'sd0;
    wire [5:0] rest = fired ? refractory : resting ? rest5 - 1 : 6'd0;
    wire blocked = !init && !output_ready && (report_v || (report_spikes && fired));
    assign advance = !(v5 && (more || blocked));

    assign state_we    = v5 && advance;
    assign state_waddr = p5;
    // {v, u where it is kept, rest where there is one}, v the lowest.
    localparam REST = 24 + (CURRENT ? UB : 0);
    wire [UB+23:0] stored = init ? i5 : {u5, after};
    assign state_wdata[23:0] = stored[23:0];
    generate
        if (CURRENT) assign state_wdata[UB+23:24] = stored[UB+23:24];
        if (REFRACTORY) assign state_wdata[REST+5:REST] = init ? 6'd0 : rest;
    endgenerate
    assign done_v = v5 && advance && !init;
    assign {done_y, done_x, done_c} = n5;
    assign done_u = u5; assign done_state = after; assign done_count = count;
    assign idle = !(run || v1 || v2 || v3 || v4 || v5);

    always @(posedge clk) begin
        fresh1 <= advance;
        if (fresh1) held1 <= sums;
        if (start) begin
            run <= 1; init <= initial_state;
            y <= 0; x <= 0; c <= 0; row <= 0; lane <= 0; place <= state_base; set <= register_base;
        end else if (advance && run) begin
            place <= place + 1;
            lane  <= last_lane ? 0 : lane + 1;
            if (last_lane) row <= row + 1;
            c <= last_c ? 0 : c + 1;
            if (last_c) x <= last_x ? 0 : x + 1;
            if (last_c && last_x) y <= y + 1;
            set <= sharing == 0 ? set : (sharing == 1 && last_c) ? register_base : set + 1;
            if (last) run <= 0;
        end
        if (advance) begin
            v1 <= run; n1 <= {y, x, c}; p1 <= place; lane1 <= lane; row1 <= row; clear1 <= last_lane;
            v2 <= v1; n2 <= n1; p2 <= p1; s2 <= lane_sum; r2 <= registers; i2 <= initials;
            u2 <= CURRENT ? state_rdata >> 24 : 0; w2 <= state_rdata[23:0];
            rest2 <= REFRACTORY ? state_rdata >> REST : 0;
            v3 <= v2; n3 <= n2; p3 <= p2; r3 <= r2[61:25]; i3 <= i2; rest3 <= rest2; w3 <= w2;
            a3 <= a2; neg_u3 <= neg_u; neg_v3 <= neg_v; pu3 <= prod_u; pv3 <= prod_v;
            if (v2 && !init && (a2 >= LIMIT || a2 <= -LIMIT)) sum_overflow <= 1;
            v4 <= v3; n4 <= n3; p4 <= p3; r4 <= r3; i4 <= i3; rest4 <= rest3; w4 <= w3; u4 <= u3_new; d4 <= dv3;
            if (v3 && !init && beyond3) u_overflow <= 1;
            v5 <= v4; n5 <= n4; p5 <= p4; i5 <= i4; rest5 <= rest4; u5 <= u4; vth5 <= r4[16:0];
            w5 <= (REFRACTORY && rest4 != 0) ? w4 : v4_new;
            spikes <= 0;
        end else if (more) begin
            spikes  <= spikes + 1;
            residue <= less;
        end
        if (rst) begin
            run <= 0; v1 <= 0; v2 <= 0; v3 <= 0; v4 <= 0; v5 <= 0; sum_overflow <= 0; u_overflow <= 0; spikes <= 0;
        end
    end

`ifdef SNN_PROVE
    `include "update_properties.vh"
`endif
endmodule
