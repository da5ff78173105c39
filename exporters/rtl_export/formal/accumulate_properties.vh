// Of snn_accumulate: in whatever order rows follow one another, a row holds the sum of all products that went to it.
    (* anyconst *) reg [BA-1:0] watched;
    reg up = 0;
    reg [4:0] age = 0;
    reg [LANES*AB-1:0] shadow, model = 0;
    always @(posedge clk) begin
        up <= 1;
        if (age != 31) age <= age + 1;
        if (we && waddr == watched) shadow <= wdata;
        if (!rst && valid_b && row_b == watched) model <= model + product_b;
    end
    always @* begin
        assume (rst == !up);
        assume (!fold && !read && !clear_row && !load && !bank && left == 0);
        assume (issue_value != 2'b10);
        assume (!issue || age > BANKED + 1);
        if (age > BANKED + 1 && !valid_c) assert (shadow == model);
    end
