// Of snn_update: one neuron, any, is followed from its address to what is written and reported of it, however often the
// pipeline halts. What is read for it is any sum, state and registers; what must come out is docs/arithmetic.md, said here
// once, without a clock. The two products are any numbers that are the same whenever their factors are; that they are the
// contract's is decay_contract's proof, and their factors are asserted.
    // What is read of the neuron, and what its population says.
    (* anyconst *) reg signed [AB-1:0] c_sum;
    (* anyconst *) reg signed [UB-1:0] c_u;
    (* anyconst *) reg signed [23:0] c_v;
    (* anyconst *) reg [5:0] c_rest;
    (* anyconst *) reg signed [19:0] c_bias;
    (* anyconst *) reg [16:0] c_vth;
    (* anyconst *) reg [12:0] c_keep_v;
    (* anyconst *) reg [11:0] c_keep_u;
    (* anyconst *) reg [UB+23:0] c_initials;
    (* anyconst *) reg signed [4:0] c_shift;
    (* anyconst *) reg [5:0] c_refractory;
    (* anyconst *) reg [KB-1:0] c_most;
    (* anyconst *) reg c_fires, c_subtract, c_keep, c_at;
    (* anyconst *) reg [UB+12:0] c_product_u;
    (* anyconst *) reg [36:0] c_product_v;
    // Whether the neuron whose address is out now is the one that is followed.
    (* anyseq *) reg choose;

    // The contract. Every number is as wide as it can be: the sum and its shift, three numbers of u's width, v's three.
    localparam AW = AB + UP + 1 > 24 ? AB + UP + 1 : 24;
    localparam UW = (UB > 29 ? UB : 29) + 2;
    localparam W = UB + 4;
    wire signed [UW-1:0] HALF = 8388608, WHOLE = 16777216, ONE = 1;
    wire signed [W-1:0] TOP = 8388607;
    wire signed [AW-1:0] the_sum = c_sum, a = c_shift < 0 ? the_sum >>> -c_shift : the_sum <<< c_shift;
    (* anyconst *) reg refused; (* anyconst *) reg signed [22:0] the_a;
    wire signed [UW-1:0] part_u = c_product_u[UB+12:12], kept_u = c_u < 0 ? -part_u : part_u;
    wire signed [UW-1:0] driven = kept_u + $signed({the_a, 6'b0});
    wire signed [UW-1:0] all_u = driven > HALF ? driven - WHOLE : driven <= -HALF ? driven + WHOLE : driven;
    (* anyconst *) reg beyond; (* anyconst *) reg signed [UB-1:0] new_u;
    wire rests = REFRACTORY && c_rest != 0;
    wire signed [24:0] part_v = c_product_v[36:12];
    (* anyconst *) reg signed [24:0] kept_v;
    wire signed [W-1:0] raised = kept_v + new_u + c_bias;
    wire signed [23:0] clipped = raised > TOP ? TOP : raised < -TOP ? -TOP : raised;
    (* anyconst *) reg signed [23:0] before;
    wire signed [23:0] theta = {1'b0, c_vth, 6'b0};
    always @* begin                                                 // names for what does not change
        assume (refused == (a >= 2097152 || a <= -2097152) && the_a == a[22:0]);
        assume (beyond == (all_u >= (ONE <<< (UB - 1)) || all_u <= -(ONE <<< (UB - 1))) && new_u == all_u[UB-1:0]);
        assume (kept_v == (c_v < 0 ? -part_v : part_v));
        assume (before == (rests ? c_v : clipped));
    end

    // z is how often theta can be taken off v while it still fires, at most `most` times: taken off here once a clock.
    reg [KB-1:0] z; reg signed [23:0] left;
    wire still = c_fires && !rests && (left > theta || (c_at && left == theta));
    wire [KB-1:0] last_z = MOST ? z : still;
    wire signed [23:0] last_left = MOST ? left : before - theta;
    wire signed [23:0] new_v = last_z == 0 || c_keep ? before : c_subtract ? last_left : 24'sd0;
    wire [5:0] new_rest = last_z != 0 ? c_refractory : rests ? c_rest - 6'd1 : 6'd0;

    // Where the neuron is.
    reg used = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0, t5 = 0;
    reg [XYC-1:0] c_n; reg [SA-1:0] c_p; reg [RA-1:0] c_row; reg [LB-1:0] c_lane; reg c_ends;
    reg was = 0, was_refused = 0, was_2 = 0, was_3 = 0, was_beyond = 0;
    wire takes = choose && run && advance && !used && !rst;
    wire here = t1 || t2 || t3 || t4 || t5;
    wire sound = !sum_overflow && !u_overflow;
    wire signed [AB-1:0] sum_read = sums[c_lane*AB +: AB], sum_held = held1[c_lane*AB +: AB];
    always @(posedge clk) begin
        if (takes) begin
            used <= 1; c_n <= {y, x, c}; c_p <= place; c_row <= row; c_lane <= lane;
            c_ends <= c + 1'b1 == channels || lane == LANES - 1;
        end
        if (advance) begin
            t1 <= takes; t2 <= t1; t3 <= t2; t4 <= t3; t5 <= t4; z <= 0; left <= before;
        end else if (MOST && t5 && still && z != c_most) begin
            z <= z + 1; left <= left - theta;
        end
        if (rst) begin
            t1 <= 0; t2 <= 0; t3 <= 0; t4 <= 0; t5 <= 0;
        end
        was <= !rst; was_refused <= sum_overflow; was_beyond <= u_overflow;
        was_2 <= t2 && advance && !init; was_3 <= t3 && advance && !init;
    end

    always @* begin
        // The surroundings: instructions and memories.
        assume (!start || idle);
        assume (c_shift <= $signed(UP) && c_shift >= -$signed(DOWN));
        assume (CURRENT || c_u == 0);
        assume (REFRACTORY || c_rest == 0);
        assume (!c_product_u[UB+12] && !c_product_v[36]);
        if (MOST) assume (c_most != 0 && c_vth != 0);
        assume (!takes || lane < LANES);
        if (here) begin
            assume (shift == c_shift && refractory == c_refractory && most == c_most);
            assume (fires == c_fires && subtract == c_subtract && keep == c_keep && at_threshold == c_at);
        end
        if (t1 && fresh1) assume (sum_read == c_sum);
        if (t1) begin
            assume (state_rdata[23:0] == c_v && registers == {c_bias, c_vth, c_keep_v, c_keep_u} && initials == c_initials);
            if (CURRENT) assume (state_rdata[24 +: UB] == c_u);
            if (REFRACTORY) assume (state_rdata[REST +: 6] == c_rest);
        end
        if (t2) assume (prod_u == c_product_u && prod_v == c_product_v);

        // Stage by stage.
        assert (t1 + t2 + t3 + t4 + t5 <= 1 && used >= here);
        if (t1) begin
            assert (v1 && n1 == c_n && p1 == c_p && lane1 == c_lane && row1 == c_row && clear1 == c_ends && c_lane < LANES);
            if (!fresh1) assert (sum_held == c_sum);
            assert (clear_row == (advance && c_ends));
            if (clear_row) assert (clear_at == c_row);
        end
        if (t2) begin
            assert (v2 && n2 == c_n && p2 == c_p && s2 == c_sum && u2 == c_u && w2 == c_v && rest2 == c_rest);
            assert (keep_u == c_keep_u && keep_v == c_keep_v && neg_u == (c_u < 0) && neg_v == (c_v < 0));
            assert (r2[61:25] == {c_bias, c_vth} && i2 == c_initials);
        end
        if (t3) begin
            assert (v3 && n3 == c_n && p3 == c_p && pu3 == c_product_u && pv3 == c_product_v);
            assert (neg_u3 == (c_u < 0) && neg_v3 == (c_v < 0) && w3 == c_v && rest3 == c_rest);
            assert (r3 == {c_bias, c_vth} && i3 == c_initials);
            if (refused) assert (init || sum_overflow); else assert (a3 == the_a);
        end
        if (t4) begin
            assert (v4 && n4 == c_n && p4 == c_p && d4 == kept_v && w4 == c_v && rest4 == c_rest);
            assert (r4 == {c_bias, c_vth} && i4 == c_initials);
            if (refused) assert (init || sum_overflow);
            else if (beyond) assert (init || u_overflow);
            else assert (u4 == new_u);
        end
        if (t5) begin
            assert (v5 && n5 == c_n && p5 == c_p && rest5 == c_rest && vth5 == c_vth && i5 == c_initials);
            if (refused) assert (init || sum_overflow);
            else if (beyond) assert (init || u_overflow);
            else begin
                assert (u5 == new_u && w5 == before);
                if (MOST && !init) begin
                    assert (spikes == z);
                    if (z != 0) assert (residue == left && c_fires && !rests && left < before);
                end
            end
            if (init) assert (spikes == 0);
            if (z == 0) assert (left == before);
            assert (z <= (MOST ? c_most : 0));
        end
        // What comes out, when the pipeline goes on.
        assert (done_v == (state_we && !init));
        if (t5 && advance) begin
            assert (state_we && state_waddr == c_p);
            if (init) begin
                assert (state_wdata[23:0] == c_initials[23:0] && (!CURRENT || state_wdata[24 +: UB] == c_initials[UB+23:24]));
                if (REFRACTORY) assert (state_wdata[REST +: 6] == 0);
            end else if (refused) assert (sum_overflow);
            else if (beyond) assert (u_overflow);
            else begin
                assert ({done_y, done_x, done_c} == c_n && done_u == new_u && done_state == new_v && done_count == last_z);
                if (MOST) assert (z == c_most || !still);
                assert (state_wdata[23:0] == new_v && (!CURRENT || state_wdata[24 +: UB] == new_u));
                if (REFRACTORY) assert (state_wdata[REST +: 6] == new_rest);
            end
        end
        if (done_v && (report_v || (report_spikes && done_count != 0))) assert (output_ready);
        // Nothing is refused but what the contract refuses.
        if (was && was_2 && sum_overflow && !was_refused) assert (refused);
        if (was && was_3 && u_overflow && !was_beyond && !refused) assert (beyond);
    end
    // That a neuron of each kind comes to the end, with values that matter: what is never reached, proves nothing.
    wire ends = t5 && advance && !init && !sum_overflow && !u_overflow;
    (* keep *) wire [5:0] reached = {
        t5 && !advance && z == (MOST ? 1 : 0),
        ends && (MOST ? z == 2 && !still && c_subtract && new_v > 0 : still && new_v > 0 && c_subtract),
        ends && (REFRACTORY ? rests && c_rest > 1 && c_v < 0 : last_z == 0),
        ends && new_u != driven && c_v < 0,
        ends && (CURRENT ? c_u < 0 && kept_u < 0 : kept_u == 0) && new_u > 0 && new_v < 0,
        t5 && advance && init && c_initials != 0
    };
