// Of snn_update: what is written and reported of a neuron is what the contract makes of the sum, the state and the
// registers that were read of it, whatever the output does. Ghosts take these values and walk beside the pipeline, as it
// is written in docs/arithmetic.md. The two products are taken as they come: decay_contract is about them.
    localparam W = 40;
    reg up = 0;
    (* anyconst *) reg signed [4:0] c_shift;
    (* anyconst *) reg [5:0] c_refractory;
    (* anyconst *) reg [KB-1:0] c_most;
    (* anyconst *) reg c_fires, c_subtract, c_keep, c_at;
    wire signed [W-1:0] HALF = 8388608, WHOLE = 16777216, TOP = {{(W + 1 - UB){1'b0}}, {(UB - 1){1'b1}}};

    // a: the sum, shifted as the population says; |a| < 2^21 or it is refused.
    wire signed [AB+16:0] wide_s = s2, a_2 = c_shift < 0 ? wide_s >>> -c_shift : wide_s <<< c_shift;
    wire over_2 = a_2 >= 2097152 || a_2 <= -2097152;
    reg signed [22:0] a_3; reg over_3 = 0, over_4 = 0, over_5 = 0, any_over = 0;
    // u = wrap(decay(u) + 64 a)
    reg signed [W-1:0] du_3, dv_3, dv_4, w_3, w_4;
    wire signed [W-1:0] ku_2 = prod_u[UB+12:12], kv_2 = prod_v[36:12], wide_a = a_3, wide_w2 = w2;
    wire signed [W-1:0] raw_3 = du_3 + wide_a * 64;
    wire signed [W-1:0] u_3 = raw_3 > HALF ? raw_3 - WHOLE : raw_3 <= -HALF ? raw_3 + WHOLE : raw_3;
    wire beyond_3 = u_3 > TOP || u_3 < -TOP;
    reg beyond_4 = 0, beyond_5 = 0, any_beyond = 0;
    reg signed [W-1:0] u_4, u_5;
    // v = clip(decay(v) + u + bias), or as it was where the neuron rests
    reg [61:0] r_3, r_4, r_5; reg [5:0] rest_3, rest_4, rest_5; reg [UB+23:0] i_3, i_4, i_5;
    wire signed [19:0] bias_4 = r_4[61:42];
    wire signed [W-1:0] wide_bias = bias_4, free_4 = dv_4 + u_4 + wide_bias;
    wire signed [W-1:0] moved_4 = free_4 > HALF - 1 ? HALF - 1 : free_4 < 1 - HALF ? 1 - HALF : free_4;
    reg signed [W-1:0] v_5;
    // z: how often theta can be taken off while v still fires, at most `most` times (three in the proofs)
    wire rests = REFRACTORY && rest_5 != 0;
    wire ready = c_fires && !rests;
    wire signed [W-1:0] theta = {1'b0, r_5[41:25], 6'b0};
    wire [1:0] n = count, m = spikes;
    wire signed [W-1:0] left_n = v_5 - (n[0] ? theta : 0) - (n[1] ? theta <<< 1 : 0);
    wire signed [W-1:0] left_m = v_5 - (m[0] ? theta : 0) - (m[1] ? theta <<< 1 : 0);
    wire signed [W-1:0] before_n = left_n + theta, before_m = left_m + theta;
    wire once_more = ready && (c_at ? left_n >= theta : left_n > theta);
    wire rightly = n == 0 || (ready && (c_at ? before_n >= theta : before_n > theta));
    wire signed [W-1:0] wanted = n == 0 || c_keep ? v_5 : c_subtract ? left_n : 0;
    wire signed [W-1:0] has_u4 = u4, has_u5 = u5, has_d4 = d4, has_w4 = w4, has_w3 = w3, has_w5 = w5, has_after = after, has_residue = residue;
    wire signed [W-1:0] has_du3 = du3, has_dv3 = dv3;
    wire sound_4 = !over_4 && !beyond_4, sound_5 = !over_5 && !beyond_5;

    always @(posedge clk) begin
        up <= 1;
        if (advance) begin
            a_3 <= a_2; over_3 <= over_2; du_3 <= neg_u ? -ku_2 : ku_2; dv_3 <= neg_v ? -kv_2 : kv_2; w_3 <= wide_w2;
            rest_3 <= rest2; r_3 <= r2; i_3 <= i2;
            u_4 <= u_3; over_4 <= over_3; beyond_4 <= beyond_3; dv_4 <= dv_3; w_4 <= w_3; rest_4 <= rest_3; r_4 <= r_3; i_4 <= i_3;
            u_5 <= u_4; over_5 <= over_4; beyond_5 <= beyond_4; v_5 <= REFRACTORY && rest_4 != 0 ? w_4 : moved_4;
            rest_5 <= rest_4; r_5 <= r_4; i_5 <= i_4;
            if (v2 && !init && over_2) any_over <= 1;
            if (v3 && !init && !over_3 && beyond_3) any_beyond <= 1;
        end
        if (rst) begin
            any_over <= 0; any_beyond <= 0;
        end
    end
    always @* begin
        assume (rst == !up);
        assume (shift == c_shift && refractory == c_refractory && most == c_most);
        assume (fires == c_fires && subtract == c_subtract && keep == c_keep && at_threshold == c_at);
        assume (c_shift <= UP && c_shift >= -DOWN);
        assume (!start || idle);
        assume (c_refractory <= 62);
        assume (!prod_u[UB+12] && !prod_v[36]);                      // decay_contract proves it
        if (MOST) assume (c_most >= 1 && r2[41:25] != 0);
        if (up) begin
            assert (sum_overflow == any_over);                      // |a| >= 2^21 is seen, and nothing else is
            if (!any_over) assert (u_overflow == any_beyond);
            if (!init) begin
                assert (!(v3 && over_3) && !(v4 && over_4) && !(v5 && over_5) || any_over);
                assert (!(v4 && !over_4 && beyond_4) && !(v5 && !over_5 && beyond_5) || any_beyond);
            end
            if (MOST) assert ((!v3 || r_3[41:25] != 0) && (!v4 || r_4[41:25] != 0) && (!v5 || r_5[41:25] != 0));
            if (v3) begin
                if (!over_3) assert (a3 == a_3);
                assert (has_du3 == du_3 && has_dv3 == dv_3);
                assert (has_w3 == w_3 && rest3 == rest_3 && r3 == r_3[61:25] && i3 == i_3);
            end
            if (v4) begin
                if (sound_4) assert (has_u4 == u_4);
                assert (has_d4 == dv_4 && has_w4 == w_4 && rest4 == rest_4 && r4 == r_4[61:25] && i4 == i_4);
            end
            if (v5) begin
                if (sound_5) assert (has_u5 == u_5 && has_w5 == v_5);
                assert (rest5 == rest_5 && vth5 == r_5[41:25] && i5 == i_5);
                if (MOST && !init && sound_5) begin
                    assert (spikes <= c_most);
                    if (spikes != 0) assert (has_residue == left_m && ready && (c_at ? before_m >= theta : before_m > theta));
                end
                if (init) assert (spikes == 0);
            end else assert (spikes == 0);
            if (state_we && init) assert (state_wdata[23:0] == i_5[23:0] && (!CURRENT || state_wdata[24 +: UB] == i_5[24 +: UB]));
            if (state_we && !init && sound_5) begin
                assert (done_v && has_u5 == u_5 && has_after == wanted);
                assert (rightly && (n == (MOST ? c_most : 1) || !once_more));
                assert (state_wdata[23:0] == wanted[23:0] && (!CURRENT || state_wdata[24 +: UB] == u_5[UB-1:0]));
                if (REFRACTORY) assert (state_wdata[REST +: 6] == (n != 0 ? c_refractory : rest_5 != 0 ? rest_5 - 6'd1 : 6'd0));
            end
            if (done_v && report_v) assert (output_ready);           // nothing is reported that is not taken
            if (done_v && report_spikes && n != 0) assert (output_ready);
        end
    end
