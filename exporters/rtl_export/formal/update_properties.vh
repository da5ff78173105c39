// Of snn_update: what is written and reported of a neuron is what the contract makes of the sum, the state and the
// registers that were read of it, whatever the output does. Ghosts carry these values beside the pipeline; the step is
// computed from them at once, in 64 bits. The two products are taken as they come: decay_contract is about them.
    reg up = 0;
    (* anyconst *) reg signed [4:0] c_shift;
    (* anyconst *) reg [5:0] c_refractory;
    (* anyconst *) reg [KB-1:0] c_most;
    (* anyconst *) reg c_fires, c_subtract, c_keep, c_at;
    reg signed [AB-1:0] s_3, s_4, s_5;
    reg [UB+12:0] pu_3, pu_4, pu_5;
    reg [36:0] pv_3, pv_4, pv_5;
    reg nu_3, nu_4, nu_5, nv_3, nv_4, nv_5;
    reg signed [23:0] w_3, w_4, w_5;
    reg [5:0] rest_3, rest_4, rest_5;
    reg [61:0] r_3, r_4, r_5;
    reg [UB+23:0] i_3, i_4, i_5;
    reg over_3 = 0, over_4 = 0, over_5 = 0, any_over = 0, any_beyond = 0;

    // The contract. a, then u, then v, of the ghosts of each stage.
    wire signed [63:0] sum_2 = s2, a_2 = c_shift < 0 ? sum_2 >>> -c_shift : sum_2 <<< c_shift;
    wire over_2 = a_2 >= 64'sd2097152 || a_2 <= -64'sd2097152;
    wire signed [63:0] sum_3 = s_3, a_3 = c_shift < 0 ? sum_3 >>> -c_shift : sum_3 <<< c_shift;
    wire signed [63:0] sum_4 = s_4, a_4 = c_shift < 0 ? sum_4 >>> -c_shift : sum_4 <<< c_shift;
    wire signed [63:0] sum_5 = s_5, a_5 = c_shift < 0 ? sum_5 >>> -c_shift : sum_5 <<< c_shift;
    wire [63:0] ku_3 = pu_3 >> 12, ku_4 = pu_4 >> 12, ku_5 = pu_5 >> 12, kv_4 = pv_4 >> 12, kv_5 = pv_5 >> 12;
    wire signed [63:0] raw_3 = (nu_3 ? -ku_3 : ku_3) + a_3 * 64;
    wire signed [63:0] raw_4 = (nu_4 ? -ku_4 : ku_4) + a_4 * 64;
    wire signed [63:0] raw_5 = (nu_5 ? -ku_5 : ku_5) + a_5 * 64;
    wire signed [63:0] HALF = 64'sd8388608, WHOLE = 64'sd16777216;
    wire signed [63:0] u_3 = raw_3 > HALF ? raw_3 - WHOLE : raw_3 <= -HALF ? raw_3 + WHOLE : raw_3;
    wire signed [63:0] u_4 = raw_4 > HALF ? raw_4 - WHOLE : raw_4 <= -HALF ? raw_4 + WHOLE : raw_4;
    wire signed [63:0] u_5 = raw_5 > HALF ? raw_5 - WHOLE : raw_5 <= -HALF ? raw_5 + WHOLE : raw_5;
    wire signed [63:0] TOP = (64'sd1 <<< (UB - 1)) - 1;
    wire beyond_3 = u_3 > TOP || u_3 < -TOP;
    reg beyond_4 = 0, beyond_5 = 0;
    wire signed [63:0] dv_4 = nv_4 ? -kv_4 : kv_4, dv_5 = nv_5 ? -kv_5 : kv_5;
    wire signed [19:0] bias_5 = r_5[61:42];
    wire signed [63:0] wide_bias_5 = bias_5;
    wire signed [63:0] free_5 = dv_5 + u_5 + wide_bias_5;
    wire signed [63:0] moved_5 = free_5 > HALF - 1 ? HALF - 1 : free_5 < 1 - HALF ? 1 - HALF : free_5;
    wire rests = REFRACTORY && rest_5 != 0;
    wire signed [63:0] held_5 = w_5, v_5 = rests ? held_5 : moved_5;
    wire [63:0] theta_5 = {r_5[41:25], 6'b0};
    wire [1:0] two = count, spent = spikes;             // the proofs have at most three spikes a step
    wire [63:0] taken_n = (two[0] ? theta_5 : 64'd0) + (two[1] ? theta_5 << 1 : 64'd0);
    wire [63:0] taken_s = (spent[0] ? theta_5 : 64'd0) + (spent[1] ? theta_5 << 1 : 64'd0);
    wire signed [63:0] n = count, left_5 = v_5 - $signed(taken_n), before_5 = left_5 + $signed(theta_5);
    wire ready_5 = c_fires && !rests;
    wire once_more = ready_5 && (c_at ? left_5 >= $signed(theta_5) : left_5 > $signed(theta_5));
    wire rightly = n == 0 || (ready_5 && (c_at ? before_5 >= $signed(theta_5) : before_5 > $signed(theta_5)));
    wire signed [63:0] wanted_5 = n == 0 || c_keep ? v_5 : c_subtract ? left_5 : 0;
    wire signed [63:0] known_u5 = u5, known_a3 = a3, known_u4 = u4, known_d4 = d4, known_w5 = w5, known_after = after;
    wire signed [63:0] residue_5 = residue, spent_5 = v_5 - $signed(taken_s);
    wire signed [63:0] last_5 = spent_5 + $signed(theta_5);
    wire sound_4 = !over_4 && !beyond_4, sound_5 = !over_5 && !beyond_5;

    always @(posedge clk) begin
        up <= 1;
        if (advance) begin
            s_3 <= s2; pu_3 <= prod_u; pv_3 <= prod_v; nu_3 <= neg_u; nv_3 <= neg_v; w_3 <= w2; rest_3 <= rest2; r_3 <= r2; i_3 <= i2;
            s_4 <= s_3; pu_4 <= pu_3; pv_4 <= pv_3; nu_4 <= nu_3; nv_4 <= nv_3; w_4 <= w_3; rest_4 <= rest_3; r_4 <= r_3; i_4 <= i_3;
            s_5 <= s_4; pu_5 <= pu_4; pv_5 <= pv_4; nu_5 <= nu_4; nv_5 <= nv_4; w_5 <= w_4; rest_5 <= rest_4; r_5 <= r_4; i_5 <= i_4;
            over_3 <= over_2; over_4 <= over_3; over_5 <= over_4; beyond_4 <= beyond_3; beyond_5 <= beyond_4;
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
        if (MOST) assume (c_most >= 1 && r2[41:25] != 0);
        if (up) begin
            assert (sum_overflow == any_over);                      // |a| >= 2^21 is seen, and nothing else is
            if (!any_over) assert (u_overflow == any_beyond);
            if (v3 && !init && over_3) assert (any_over);
            if (v4 && !init && over_4) assert (any_over);
            if (v5 && !init && over_5) assert (any_over);
            if (v4 && !init && !over_4 && beyond_4) assert (any_beyond);
            if (v5 && !init && !over_5 && beyond_5) assert (any_beyond);
            if (MOST) assert ((!v3 || r_3[41:25] != 0) && (!v4 || r_4[41:25] != 0) && (!v5 || r_5[41:25] != 0));
            if (v3) begin
                if (!over_3) assert (known_a3 == a_3);
                assert (pu3 == pu_3 && pv3 == pv_3 && neg_u3 == nu_3 && neg_v3 == nv_3);
                assert (w3 == w_3 && rest3 == rest_3 && r3 == r_3[61:25] && i3 == i_3);
            end
            if (v4) begin
                if (sound_4) assert (known_u4 == u_4);
                assert (known_d4 == dv_4 && w4 == w_4 && rest4 == rest_4 && r4 == r_4[61:25] && i4 == i_4);
            end
            if (v5) begin
                if (sound_5) assert (known_u5 == u_5 && known_w5 == v_5);
                assert (rest5 == rest_5 && vth5 == r_5[41:25] && i5 == i_5);
                if (MOST && !init && sound_5) begin
                    assert (spikes <= c_most);
                    if (spikes != 0) assert (residue_5 == spent_5 && ready_5);
                    if (spikes != 0) assert (c_at ? last_5 >= $signed(theta_5) : last_5 > $signed(theta_5));
                end
                if (init) assert (spikes == 0);
            end else assert (spikes == 0);
            if (state_we && init) assert (state_wdata[23:0] == i_5[23:0] && (!CURRENT || state_wdata[24 +: UB] == i_5[24 +: UB]));
            if (state_we && !init && sound_5) begin
                assert (done_v && known_u5 == u_5 && known_after == wanted_5);
                assert (rightly && (n == (MOST ? c_most : 1) || !once_more));
                assert (state_wdata[23:0] == wanted_5[23:0] && (!CURRENT || state_wdata[24 +: UB] == u_5[UB-1:0]));
                if (REFRACTORY) assert (state_wdata[REST +: 6] == (n != 0 ? c_refractory : rest_5 != 0 ? rest_5 - 6'd1 : 6'd0));
            end
            if (done_v && report_v) assert (output_ready);           // nothing is reported that is not taken
            if (done_v && report_spikes && n != 0) assert (output_ready);
        end
    end
