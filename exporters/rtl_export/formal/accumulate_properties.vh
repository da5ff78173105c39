// Of snn_accumulate: in whatever order rows follow one another, for ever, a row holds the sum of all products that went
// to it since it was cleared. One row is watched, any, in the last lane: the lanes are one text. The memory is what a memory is, seen at that row.
    localparam LAST = LANES - 1;
    reg up = 0, known = 0;
    reg [AB-1:0] model;
    wire [AB-1:0] in_row = shadow[LAST*AB +: AB], in_b = product_b[LAST*AB +: AB], in_c = product_c[LAST*AB +: AB];
    wire [AB-1:0] sum_of_c = sum_c[LAST*AB +: AB], sum_of_d = sum_d[LAST*AB +: AB], of_b = held_b[LAST*AB +: AB];
    wire here_b = valid_b && row_b == watched, here_c = valid_c && row_c == watched, here_d = valid_d && row_d == watched;
    wire [AB-1:0] added = in_row + in_c;
    reg was_read = 0; reg [AB-1:0] was;
    wire clears = clear_row && watched == {1'b0, clear_at};
    always @(posedge clk) begin
        up <= 1;
        if (sweeping && at == watched) begin
            model <= 0; known <= 1;
        end else if (clears) model <= 0;
        else if (here_b) model <= model + in_b;
        was_read <= read && !folding && raddr == watched; was <= in_row;
        if (rst) known <= 0;
    end
    always @* begin
        assume (rst == !up);
        assume (!fold);
        assume (!(issue || read || clear_row) || !sweeping);
        assume (!(read || clear_row) || idle);
        if (MB == 2) assume (issue_value != 2'b10);
        if (up) begin
            assert (!folding && (!sweeping || at < BANKED));
            assert (!sweeping || !(valid_a || valid_b || valid_c || valid_d));
            assert (sweeping || known || watched >= BANKED);
            if (sweeping && at > watched) assert (known);
            if (known) begin
                assert (model == (here_c ? added : in_row));
                if (here_c) assert (sum_of_c == in_row);
                if (here_d) assert (sum_of_d == in_row);
                if (here_b && !here_d) assert (of_b == in_row);
                if (!valid_b && !valid_c) assert (model == in_row);
                if (was_read) assert (of_b == was);
            end
        end
    end
