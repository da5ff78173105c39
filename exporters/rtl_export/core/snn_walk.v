// The synapses of one message: every tap of the kernel that meets an output, and every word of output channels there.
// One word of LANES synapses a clock; a tap that falls on the border or between two strides costs one clock too.
// A dense matrix is a kernel of one tap, whose column is the words.
module snn_walk #(
    parameter MB = 2,
    parameter WA = 10,
    parameter QB = 6,
    parameter RA = 8
) (
    input                      clk,
    input                      rst,
    input      [7:0]           taps_y,
    input      [7:0]           taps_x,
    input      [RA:0]          words,           // per tap
    input      [WA-1:0]        line_words,      // per kernel row
    input      [QB-1:0]        high,            // output rows
    input      [QB-1:0]        wide,
    input      [RA-1:0]        words_row,       // accumulator words of one output row
    input      [RA-1:0]        words_pixel,
    input      [7:0]           stride_y,
    input      [7:0]           stride_x,
    input      [7:0]           gap_q_y,         // dilation = gap_q * stride + gap_r
    input      [7:0]           gap_r_y,
    input      [7:0]           gap_q_x,
    input      [7:0]           gap_r_x,
    input      [RA-1:0]        gap_words_y,     // gap_q in accumulator words
    input      [RA-1:0]        gap_words_x,
    input                      valid,
    output                     ready,
    input      [WA-1:0]        weight,
    input      signed [MB-1:0] value,
    input      signed [QB:0]   q_y,
    input      [7:0]           r_y,
    input      [RA-1:0]        row_y,
    input      signed [QB:0]   q_x,
    input      [7:0]           r_x,
    input      [RA-1:0]        row_x,
    input      [RA-1:0]        row_c,
    output                     issue,
    output     [WA-1:0]        issue_weight,
    output     [RA-1:0]        issue_row,
    output     signed [MB-1:0] issue_value,
    output                     idle
);
    reg                 busy;
    reg signed [MB-1:0] m;
    reg [WA-1:0]        at, line;              // weight word of this tap, of this kernel row
    reg signed [QB:0]   qy, qx, first_qx;
    reg [7:0]           ry, rx, first_rx, ky, kx;
    reg [RA-1:0]        oy, ox, first_ox, channel;
    reg [RA:0]          word;

    wire row_hits    = ry == 0 && qy >= 0 && qy < $signed({1'b0, high});
    wire column_hits = rx == 0 && qx >= 0 && qx < $signed({1'b0, wide});
    wire last_word   = !column_hits || word == words - 1;
    wire last_column = !row_hits || (last_word && (kx == taps_x - 1 || qx < 0));
    wire last_row    = last_column && (ky == taps_y - 1 || qy < 0);
    wire borrow_y    = ry < gap_r_y;
    wire borrow_x    = rx < gap_r_x;

    assign issue        = busy && row_hits && column_hits;
    assign issue_weight = at + word;
    assign issue_row    = oy + ox + channel + word;
    assign issue_value  = m;
    assign ready        = !busy || last_row;
    assign idle         = !busy;

    always @(posedge clk) begin
        if (busy) begin
            if (last_column) begin
                ky <= ky + 1;
                ry <= borrow_y ? ry + stride_y - gap_r_y : ry - gap_r_y;
                qy <= qy - $signed({1'b0, gap_q_y}) - $signed({1'b0, borrow_y});
                oy <= oy - gap_words_y - (borrow_y ? words_row : 0);
                kx <= 0; qx <= first_qx; rx <= first_rx; ox <= first_ox; word <= 0;
                line <= line + line_words;
                at   <= line + line_words;
            end else if (last_word) begin
                kx <= kx + 1;
                rx <= borrow_x ? rx + stride_x - gap_r_x : rx - gap_r_x;
                qx <= qx - $signed({1'b0, gap_q_x}) - $signed({1'b0, borrow_x});
                ox <= ox - gap_words_x - (borrow_x ? words_pixel : 0);
                word <= 0;
                at   <= at + words;
            end else word <= word + 1;
        end
        if (ready) begin
            busy <= valid;
            m <= value; at <= weight; line <= weight;
            qy <= q_y; ry <= r_y; oy <= row_y; ky <= 0;
            qx <= q_x; rx <= r_x; ox <= row_x; kx <= 0;
            first_qx <= q_x; first_rx <= r_x; first_ox <= row_x;
            channel <= row_c; word <= 0;
        end
        if (rst) busy <= 0;
    end
endmodule
