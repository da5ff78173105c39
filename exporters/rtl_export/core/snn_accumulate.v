// The accumulators of one population, LANES side by side, and the adders that synapses go through.
//
//   walk    acc[row][lane] += (weight * value) << left          bank 0, or bank 1 for a sum that is shifted right later
//   fold    bank 0 += bank 1 >>> right, bank 1 = 0              floor, of the sum of one connection
//   read    of a row for the update; clear_row sets it to 0 behind it
//
// A row is read one clock, gets its product the next, and is written the third: rows that follow one another closely
// take the newer value from the two later stages.
module snn_accumulate #(
    parameter LANES = 1,
    parameter WB = 8,               // bits of a weight, signed
    parameter MB = 2,               // bits of a message's value; 2 means -1, 0, 1: no multiplier
    parameter AB = 24,              // bits of a sum
    parameter ROWS = 16,
    parameter WEIGHTS = 16,         // words
    parameter LEFT = 0,             // greatest shift of a single connection
    parameter FOLD = 0,             // 1: there is a bank 1
    parameter HUGE = 0,             // 1: weights in single-port RAM, loaded before the first sample
    parameter RA = (ROWS > 1) ? $clog2(ROWS) : 1,
    parameter WA = (WEIGHTS > 1) ? $clog2(WEIGHTS) : 1
) (
    input                        clk,
    input                        rst,
    input                        issue,
    input      [WA-1:0]          issue_weight,
    input      [RA-1:0]          issue_row,
    input      signed [MB-1:0]   issue_value,
    input      [2:0]             left,
    input                        bank,
    input                        fold,          // starts a fold of `rows` rows
    input      [3:0]             right,
    input      [RA:0]            rows,
    output                       idle,
    input                        read,
    input      [RA-1:0]          read_row,
    output     [LANES*AB-1:0]    sums,
    input                        clear_row,
    input      [RA-1:0]          clear_at,
    input                        load,          // writes a weight word
    input      [WA-1:0]          load_address,
    input      [LANES*WB-1:0]    load_word
);
    localparam BANKED = FOLD ? 2 * ROWS : ROWS;
    localparam LEFTB = LEFT > 3 ? 3 : LEFT > 1 ? 2 : 1;
    localparam BA = (BANKED > 1) ? $clog2(BANKED) : 1;

    // A: the address, registered.
    reg                 valid_a, valid_b, valid_c, valid_d;
    reg [WA-1:0]        weight_a;
    reg [BA-1:0]        row_a, row_b, row_c, row_d;
    reg signed [MB-1:0] value_a, value_b;
    reg [LANES*AB-1:0]  sum_c, product_c, sum_d;
    wire [LANES*WB-1:0] word_b;
    wire [LANES*AB-1:0] held_b, product_b, total_c, folded;

    // The fold and the clearing after reset walk over the rows themselves.
    reg           sweeping, folding;
    reg [1:0]     phase;
    reg [BA-1:0]  at;
    reg [LANES*AB-1:0] other;
    wire [BA-1:0] upper = FOLD ? ROWS : 0;
    assign idle = !(sweeping || folding || valid_a || valid_b || valid_c || issue);

    wire [BA-1:0] raddr = folding ? (phase == 0 ? at + upper : at) : read ? {1'b0, read_row} : row_a;
    wire          we    = sweeping || valid_c || clear_row || (folding && phase[1]);
    wire [BA-1:0] waddr = sweeping ? at : folding ? (phase[0] ? at + upper : at) : clear_row ? {1'b0, clear_at} : row_c;
    wire [LANES*AB-1:0] wdata = valid_c && !sweeping ? total_c : folding && !phase[0] ? folded : {(LANES*AB){1'b0}};

`ifdef SNN_PROVE
    (* anyconst *) reg [BA-1:0] watched;
    (* anyseq *) wire [LANES*AB-1:0] another;
    reg [LANES*AB-1:0] shadow, read_here;
    always @(posedge clk) begin
        if (we && waddr == watched) shadow <= wdata;
        read_here <= raddr == watched ? shadow : another;
    end
    assign held_b = read_here;
`else
    snn_ram #(.WIDTH(LANES*AB), .DEPTH(BANKED)) rows_ram (
        .clk(clk), .we(we), .waddr(waddr), .wdata(wdata), .re(1'b1), .raddr(raddr), .rdata(held_b)
    );
`endif
    snn_single #(.WIDTH(LANES*WB), .DEPTH(WEIGHTS), .FILE("weights.hex"), .HUGE(HUGE)) weights_ram (
        .clk(clk), .we(load), .waddr(load_address), .wdata(load_word), .raddr(weight_a), .rdata(word_b)
    );
    assign sums = held_b;

    genvar i;
    generate for (i = 0; i < LANES; i = i + 1) begin : lane
        wire signed [WB-1:0] w = word_b[i*WB +: WB];
        wire signed [AB-1:0] p;
        if (MB == 2) begin : signs
            wire signed [AB-1:0] wide = w;
            assign p = value_b == 0 ? {AB{1'b0}} : value_b[1] ? -wide : wide;
        end else if (WB <= 5 && LANES > 2) begin : added     // a few bits: shifted and added, no multiplier of the device is spent
            wire signed [AB-1:0] v = value_b;
            wire signed [AB-1:0] parts [0:WB];
            assign parts[0] = {AB{1'b0}};
            genvar b;
            for (b = 0; b < WB; b = b + 1) begin : bits
                wire signed [AB-1:0] part = w[b] ? v <<< b : {AB{1'b0}};
                assign parts[b+1] = b == WB - 1 ? parts[b] - part : parts[b] + part;
            end
            assign p = parts[WB];
        end else begin : times
            assign p = w * value_b;
        end
`ifdef SNN_PROVE_PRODUCT
        wire signed [AB-1:0] wide_value = value_b;
        genvar k;
        for (k = 0; k < (1 << WB); k = k + 1) begin : weights
            localparam signed [WB-1:0] K = k;
            localparam signed [AB-1:0] TIMES = K;
            always @* if (w == K && (MB != 2 || value_b != 2'b10)) assert (p == TIMES * wide_value);
        end
`endif
        assign product_b[i*AB +: AB] = LEFT ? p <<< left[LEFTB-1:0] : p;
        assign total_c[i*AB +: AB] = sum_c[i*AB +: AB] + product_c[i*AB +: AB];
        wire signed [AB-1:0] o = other[i*AB +: AB];
        wire signed [AB-1:0] shifted = o >>> right;
        assign folded[i*AB +: AB] = held_b[i*AB +: AB] + shifted;
    end endgenerate

    always @(posedge clk) begin
        valid_a  <= issue;
        weight_a <= issue_weight;
        row_a    <= issue_row + (bank ? upper : 0);
        value_a  <= issue_value;
        // B: the row and the weights are read.
        valid_b <= valid_a; row_b <= row_a; value_b <= value_a;
        // C: the products are made.
        valid_c <= valid_b; row_c <= row_b; product_c <= product_b;
        sum_c <= (valid_c && row_c == row_b) ? total_c : (valid_d && row_d == row_b) ? sum_d : held_b;
        // D: the row is written.
        valid_d <= valid_c; row_d <= row_c; sum_d <= total_c;

        if (sweeping) begin
            at <= at + 1;
            if (at == BANKED - 1) sweeping <= 0;
        end else if (folding) begin
            phase <= phase + 1;
            if (phase == 1) other <= held_b;
            if (phase == 3) begin
                at <= at + 1;
                if (at == rows - 1) folding <= 0;
            end
        end else if (fold) begin
            folding <= 1; phase <= 0; at <= 0;
        end
        if (rst) begin
            sweeping <= 1; folding <= 0; at <= 0;
            valid_a <= 0; valid_b <= 0; valid_c <= 0; valid_d <= 0;
        end
    end

`ifdef SNN_PROVE
    `include "accumulate_properties.vh"
`endif
endmodule
