// Reads the messages of one queue, one after the other, and finds where each one's synapses lie.
//
// A message is {value, y, x, c}. Its weights start at base + y * step_y + x * step_x + c * step_c, one multiplier used
// three times. A convolution reads from a small table, for its row and its column, the last output position that it
// can reach and what is left over: y + padding = q * stride + r, and q times the words of a row.
module snn_decode #(
    parameter YB = 4,
    parameter XB = 4,
    parameter CB = 8,
    parameter MB = 2,               // bits of a message's value, signed
    parameter QA = 8,               // address of a message
    parameter WA = 10,              // address of a weight word
    parameter TA = 8,               // address of a table entry
    parameter QB = 6,               // bits of an output position
    parameter RA = 8                // address of an accumulator row
) (
    input                       clk,
    input                       rst,
    input                       start,
    input      [QA:0]           count,
    input      [QA-1:0]         first,
    input                       dense,
    input                       grouped,
    input      [WA-1:0]         base,
    input      [WA-1:0]         step_y,
    input      [WA-1:0]         step_x,
    input      [WA-1:0]         step_c,
    input      [TA-1:0]         table_y,
    input      [TA-1:0]         table_x,
    input      [TA-1:0]         table_c,
    output     [QA-1:0]         message_address,
    input      [MB+YB+XB+CB-1:0] message,
    output reg [TA-1:0]         table_address,
    input      [RA+QB+7:0]      entry,          // {words, q, r}
    output                      valid,
    input                       ready,
    output reg [WA-1:0]         weight,
    output reg signed [MB-1:0]  value,
    output reg signed [QB:0]    q_y,
    output reg [7:0]            r_y,
    output reg [RA-1:0]         row_y,
    output reg signed [QB:0]    q_x,
    output reg [7:0]            r_x,
    output reg [RA-1:0]         row_x,
    output reg [RA-1:0]         row_c,
    output                      idle
);
    localparam FB = (YB > XB ? YB : XB) > CB ? (YB > XB ? YB : XB) : CB;
    localparam IDLE = 3'd0, FETCH = 3'd1, TAKE = 3'd2, ROW = 3'd3, COLUMN = 3'd4, CHANNEL = 3'd5, SUM = 3'd6, OFFER = 3'd7;

    reg [2:0]    state;
    reg [QA:0]   left;
    reg [QA-1:0] at;
    reg [YB-1:0] y;
    reg [XB-1:0] x;
    reg [CB-1:0] c;
    reg [WA-1:0] product;

    assign message_address = at;
    assign valid = state == OFFER;
    assign idle  = state == IDLE;

    wire [FB-1:0] factor = (state == ROW) ? y : (state == COLUMN) ? x : c;
    wire [WA-1:0] step   = (state == ROW) ? step_y : (state == COLUMN) ? step_x : step_c;
    always @* table_address = (state == ROW) ? table_y + y : (state == COLUMN) ? table_x + x : table_c + c;

    always @(posedge clk) begin
        product <= factor * step;
        case (state)
            IDLE: if (start && count != 0) begin
                left <= count; at <= first; state <= FETCH;
            end
            FETCH: begin
                at <= at + 1; left <= left - 1; state <= TAKE;
            end
            TAKE: begin
                {value, y, x, c} <= message;
                weight <= base;
                state  <= dense && step_y == 0 && step_x == 0 ? CHANNEL : ROW;
                q_y <= 0; r_y <= 0; row_y <= 0; q_x <= 0; r_x <= 0; row_x <= 0; row_c <= 0;
            end
            ROW: state <= COLUMN;
            COLUMN: begin
                if (!dense) begin
                    row_y <= entry[RA+QB+7:QB+8]; q_y <= {1'b0, entry[QB+7:8]}; r_y <= entry[7:0];
                end
                weight <= weight + product;
                state  <= CHANNEL;
            end
            CHANNEL: begin
                if (!dense) begin
                    row_x <= entry[RA+QB+7:QB+8]; q_x <= {1'b0, entry[QB+7:8]}; r_x <= entry[7:0];
                end
                if (!dense || step_y != 0 || step_x != 0) weight <= weight + product;
                state <= SUM;
            end
            SUM: begin
                if (grouped) row_c <= entry[RA+QB+7:QB+8];
                weight <= weight + product;
                state  <= OFFER;
            end
            OFFER: if (ready) begin
                at <= at + 1; left <= left - 1;
                state <= (left == 0) ? IDLE : TAKE;
                if (left == 0) left <= 0;
            end
        endcase
        if (rst) state <= IDLE;
    end
endmodule
