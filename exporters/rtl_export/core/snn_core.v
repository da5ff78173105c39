// The whole core: a list of instructions, run once a step, over memories that the exporter fills.
//
//   WALK    every message of one queue through one connection, into the accumulators
//   FOLD    a sum that has its own right shift joins the others
//   UPDATE  every neuron of one population takes its sum; its spikes go to its queue, to the output, or both
//   END     the step is over: its input queue is free, a marker goes to the output
//
// Phase one of a population ends before its phase two begins, and a step begins when the whole input of it has come.
module snn_core #(
    parameter LANES = 1,
    parameter WB = 8,               // bits of a weight, signed
    parameter MB = 2,               // bits of a message's value, signed
    parameter AB = 24,              // bits of a sum
    parameter UB = 24,              // bits of u
    parameter YB = 4,
    parameter XB = 4,
    parameter CB = 8,
    parameter ICB = 8,              // bits of c in the input
    parameter QB = 6,               // bits of an output position of a convolution
    parameter WEIGHTS = 16,         // words of LANES weights
    parameter ROWS = 16,            // accumulator rows of LANES sums
    parameter NEURONS = 16,
    parameter REGISTERS = 1,        // different sets of registers
    parameter INITIAL = 0,          // 1: u0 and v0 have a memory; 0: all are zero
    parameter TABLE = 1,            // entries about rows, columns and groups
    parameter PROGRAM = 32,         // words of instructions
    parameter SOURCES = 2,
    parameter MESSAGES = 16,        // of the populations
    parameter SLOTS = 2,
    parameter INPUTS = 16,          // messages of the input
    parameter INPUT_SLOTS = 2,
    parameter LEFT = 0,
    parameter FOLD = 0,
    parameter UP = 15,              // greatest shifts of a whole sum
    parameter DOWN = 8,
    parameter CURRENT = 1,          // 0: every neuron forgets u, which is not kept
    parameter MOST = 0,             // bits of a count of spikes; 0: one spike a step
    parameter REFRACTORY = 0,
    parameter HUGE = 0,             // 1: weights and messages of populations in single-port RAM
    parameter EB = YB + XB + CB,
    parameter KB = MOST ? MOST : 1,
    parameter WA = (WEIGHTS > 1) ? $clog2(WEIGHTS) : 1
) (
    input                      clk,
    input                      rst,
    input                      s_valid,
    output                     s_ready,
    input      [1:0]           s_kind,      // 0 message, 1 end of a step, 2 start of a sample
    input      [EB-1:0]        s_address,   // {y, x, c}
    input signed [MB-1:0]      s_value,
    output reg                 m_valid,
    input                      m_ready,
    output reg [1:0]           m_kind,      // 0 spike (value: how many), 1 end of a step, 2 readout (value: v)
    output reg [EB-1:0]        m_address,
    output reg signed [23:0]   m_value,
    input                      load,        // writes a weight word, before the first sample
    input      [WA-1:0]        load_address,
    input      [LANES*WB-1:0]  load_word,
    output                     probe,       // every neuron after every step
    output     [7:0]           probe_source,
    output     [EB-1:0]        probe_address,
    output signed [UB-1:0]     probe_u,
    output signed [23:0]       probe_v,
    output     [KB-1:0]        probe_count,
    output                     busy,
    output reg [2:0]           error,       // 1 |a| >= 2^21, 2 u leaves its register, 3 queue full, 4 input full
    output reg [7:0]           error_source
);
    localparam RA = (ROWS > 1) ? $clog2(ROWS) : 1;
    localparam SA = (NEURONS > 1) ? $clog2(NEURONS) : 1;
    localparam PA = (REGISTERS > 1) ? $clog2(REGISTERS) : 1;
    localparam TA = (TABLE > 1) ? $clog2(TABLE) : 1;
    localparam DA = (PROGRAM > 1) ? $clog2(PROGRAM) : 1;
    localparam QA = (MESSAGES > 1) ? $clog2(MESSAGES) : 1;
    localparam QS = (SLOTS > 1) ? $clog2(SLOTS) : 1;
    localparam NW = (SOURCES > 1) ? $clog2(SOURCES) : 1;
    localparam IA = (INPUTS > 1) ? $clog2(INPUTS) : 1;
    localparam IS = (INPUT_SLOTS > 1) ? $clog2(INPUT_SLOTS) : 1;
    localparam EA = QA > IA ? QA : IA;
    localparam STATE = (CURRENT ? UB : 0) + 24 + (REFRACTORY ? 6 : 0);
    localparam SWEEP = INPUT_SLOTS > SLOTS ? (INPUT_SLOTS > SOURCES ? INPUT_SLOTS : SOURCES)
                                           : (SLOTS > SOURCES ? SLOTS : SOURCES);
    localparam FA = (SWEEP > 1) ? $clog2(SWEEP) : 1;
    localparam [3:0] END = 4'd0, WALK = 4'd1, UPDATE = 4'd2, JOIN = 4'd3, HEAD = 4'd4;
    localparam [2:0] CLEAR = 3'd0, IDLE = 3'd1, FORGET = 3'd2, ADDRESS = 3'd3, FETCH = 3'd4, BEGIN = 3'd5, WAIT = 3'd6, HALT = 3'd7;

    reg [2:0]    state;
    reg          init, configured, input_step_done, input_started;
    reg [DA-1:0] pc, first_pc;
    reg [5:0]    index;
    (* mem2reg *) reg [31:0] d [0:17];
    reg [FA-1:0] sweep;
    wire [31:0]  word;
    snn_ram #(.WIDTH(32), .DEPTH(PROGRAM), .FILE("program.hex")) instructions (
        .clk(clk), .we(1'b0), .waddr({DA{1'b0}}), .wdata(32'b0), .re(1'b1), .raddr(pc), .rdata(word)
    );
    wire [3:0] op     = d[0][3:0];
    wire [7:0] source = d[0][19:12];
    wire       go_walk   = state == BEGIN && op == WALK && !init;
    wire       go_fold   = state == BEGIN && op == JOIN && !init;
    wire       go_update = state == BEGIN && op == UPDATE;

    // Input
    reg  [IA:0] input_cap; reg [IS:0] input_slots;
    wire start, step, input_overflow; wire [IS-1:0] input_slot; wire [IA-1:0] input_base; wire [IA:0] input_count;
    wire [EA-1:0] message_address;
    wire [MB+EB-1:0] message;
    wire [MB+YB+XB+ICB-1:0] input_message;
    wire [CB-1:0] input_c = input_message[ICB-1:0];
    wire [15:0] back = d[4][15:0], ring = d[4][31:16];
    wire [15:0] input_read = input_slot >= back ? input_slot - back : input_slot + ring - back;
    snn_input #(.EB(MB + YB + XB + ICB), .DEPTH(INPUTS), .SLOTS(INPUT_SLOTS)) inputs (
        .clk(clk), .rst(rst), .cap(input_cap), .slots(input_slots), .enable(configured && state != HALT),
        .s_valid(s_valid), .s_ready(s_ready), .s_kind(s_kind), .s_message({s_value, s_address[EB-1:CB], s_address[ICB-1:0]}),
        .start(start), .started(input_started), .step(step), .step_done(input_step_done),
        .clear(state == FORGET), .clear_slot(sweep[IS-1:0]),
        .slot(input_slot), .slot_base(input_base), .count_slot(input_read[IS-1:0]), .count(input_count),
        .re(1'b1), .raddr(message_address[IA-1:0]), .rdata(input_message), .overflow(input_overflow)
    );

    // Messages of the populations
    wire [QS-1:0] slot; wire [QA-1:0] slot_base; wire [QA:0] queue_count; wire queue_overflow;
    wire [15:0] queue_read = d[5] + (slot >= back ? slot - back : slot + ring - back);
    wire done_v; wire [YB-1:0] done_y; wire [XB-1:0] done_x; wire [CB-1:0] done_c;
    wire signed [UB-1:0] done_u; wire signed [23:0] done_state; wire [KB-1:0] done_count;
    wire push = done_v && d[0][10] && done_count != 0;
    localparam VB = MOST ? MOST : 1;
    wire [VB+EB-1:0] queue_message;
    reg close;
    snn_queues #(.EB(VB + EB), .DEPTH(MESSAGES), .SOURCES(SOURCES), .SLOTS(SLOTS), .HUGE(HUGE)) queues (
        .clk(clk), .rst(rst), .clear(state == FORGET), .clear_slot(sweep[QS-1:0]),
        .clear_source(sweep[NW-1:0]), .source(source[NW-1:0]), .slot(slot), .slot_base(slot_base),
        .open(go_update && !init && d[0][10]), .push(push), .close(close), .message({done_count, done_y, done_x, done_c}),
        .base(d[1][QA-1:0]), .first_count(d[3][16 +: QS]), .cap(d[2][QA:0]), .slots(d[3][QS:0]),
        .count_slot(queue_read[QS-1:0]), .count(queue_count),
        .raddr(message_address[QA-1:0]), .rdata(queue_message), .overflow(queue_overflow)
    );

    // Which queue a walk reads: `back` steps behind the newest one, round the ring.
    wire external = source == 0;
    wire signed [MB-1:0] sent = MOST ? {1'b0, queue_message[EB +: VB]} : 1;
    assign message = external ? {input_message[MB+YB+XB+ICB-1:ICB], input_c} : {sent, queue_message[EB-1:0]};
    wire [31:0] here  = external ? input_base : slot_base;
    wire [31:0] first = d[1] + (here >= d[2] ? here - d[2] : here + d[3] - d[2]);
    wire [EA:0] count = external ? input_count : queue_count;

    wire decode_idle, walk_idle, sums_idle, update_idle;
    wire event_valid, event_ready;
    wire [WA-1:0] event_weight; wire signed [MB-1:0] event_value;
    wire signed [QB:0] q_y, q_x; wire [7:0] r_y, r_x; wire [RA-1:0] row_y, row_x, row_c;
    wire [TA-1:0] table_address; wire [RA+QB+7:0] entry;
    snn_ram #(.WIDTH(RA + QB + 8), .DEPTH(TABLE), .FILE("table.hex")) table_ram (
        .clk(clk), .we(1'b0), .waddr({TA{1'b0}}), .wdata({(RA+QB+8){1'b0}}), .re(1'b1), .raddr(table_address), .rdata(entry)
    );
    snn_decode #(.YB(YB), .XB(XB), .CB(CB), .MB(MB), .QA(EA), .WA(WA), .TA(TA), .QB(QB), .RA(RA)) decode (
        .clk(clk), .rst(rst), .start(go_walk), .count(count), .first(first[EA-1:0]), .dense(d[0][4]), .grouped(d[0][5]),
        .base(d[6][WA-1:0]), .step_y(d[7][WA-1:0]), .step_x(d[8][WA-1:0]), .step_c(d[9][WA-1:0]),
        .table_y(d[10][TA-1:0]), .table_x(d[10][16 +: TA]), .table_c(d[11][TA-1:0]),
        .message_address(message_address), .message(message), .table_address(table_address), .entry(entry),
        .valid(event_valid), .ready(event_ready), .weight(event_weight), .value(event_value),
        .q_y(q_y), .r_y(r_y), .row_y(row_y), .q_x(q_x), .r_x(r_x), .row_x(row_x), .row_c(row_c), .idle(decode_idle)
    );

    wire issue; wire [WA-1:0] issue_weight; wire [RA-1:0] issue_row; wire signed [MB-1:0] issue_value;
    snn_walk #(.MB(MB), .WA(WA), .QB(QB), .RA(RA)) walk (
        .clk(clk), .rst(rst), .taps_y(d[12][7:0]), .taps_x(d[12][15:8]), .words(d[11][16 +: RA+1]), .line_words(d[17][WA-1:0]),
        .high(d[14][QB-1:0]), .wide(d[14][16 +: QB]), .words_row(d[15][RA-1:0]), .words_pixel(d[15][16 +: RA]),
        .stride_y(d[12][23:16]), .stride_x(d[12][31:24]), .gap_q_y(d[13][7:0]), .gap_r_y(d[13][15:8]),
        .gap_q_x(d[13][23:16]), .gap_r_x(d[13][31:24]), .gap_words_y(d[16][RA-1:0]), .gap_words_x(d[16][16 +: RA]),
        .valid(event_valid), .ready(event_ready), .weight(event_weight), .value(event_value),
        .q_y(q_y), .r_y(r_y), .row_y(row_y), .q_x(q_x), .r_x(r_x), .row_x(row_x), .row_c(row_c),
        .issue(issue), .issue_weight(issue_weight), .issue_row(issue_row), .issue_value(issue_value), .idle(walk_idle)
    );

    wire read, clear_row; wire [RA-1:0] read_row, clear_at; wire [LANES*AB-1:0] sums;
    snn_accumulate #(.LANES(LANES), .WB(WB), .MB(MB), .AB(AB), .ROWS(ROWS), .WEIGHTS(WEIGHTS), .LEFT(LEFT), .FOLD(FOLD), .HUGE(HUGE)) accumulate (
        .clk(clk), .rst(rst), .issue(issue), .issue_weight(issue_weight), .issue_row(issue_row), .issue_value(issue_value),
        .left(d[0][9:7]), .bank(d[0][6]), .fold(go_fold), .right(d[0][10:7]), .rows(d[1][RA:0]), .idle(sums_idle),
        .read(read), .read_row(read_row), .sums(sums), .clear_row(clear_row), .clear_at(clear_at),
        .load(load), .load_address(load_address), .load_word(load_word)
    );

    // Neurons
    wire state_re, state_we; wire [SA-1:0] state_raddr, state_waddr; wire [STATE-1:0] state_rdata, state_wdata;
    wire [PA-1:0] register_address; wire [61:0] registers; wire [UB+23:0] initials;
    wire output_ready = !m_valid || m_ready;
    wire sum_overflow, u_overflow;
    snn_ram #(.WIDTH(STATE), .DEPTH(NEURONS)) state_ram (
        .clk(clk), .we(state_we), .waddr(state_waddr), .wdata(state_wdata), .re(state_re), .raddr(state_raddr), .rdata(state_rdata)
    );
    snn_ram #(.WIDTH(62), .DEPTH(REGISTERS), .FILE("registers.hex")) register_ram (
        .clk(clk), .we(1'b0), .waddr({PA{1'b0}}), .wdata(62'b0), .re(state_re), .raddr(register_address), .rdata(registers)
    );
    generate if (INITIAL) begin : begins
        snn_ram #(.WIDTH(UB + 24), .DEPTH(REGISTERS), .FILE("initial.hex")) initial_ram (
            .clk(clk), .we(1'b0), .waddr({PA{1'b0}}), .wdata({(UB+24){1'b0}}), .re(state_re), .raddr(register_address), .rdata(initials)
        );
    end else begin : begins_at_zero
        assign initials = 0;
    end endgenerate
    snn_update #(
        .LANES(LANES), .AB(AB), .UB(UB), .YB(YB), .XB(XB), .CB(CB), .RA(RA), .SA(SA), .PA(PA), .UP(UP), .DOWN(DOWN), .CURRENT(CURRENT), .MOST(MOST), .REFRACTORY(REFRACTORY)
    ) update (
        .clk(clk), .rst(rst), .start(go_update), .initial_state(init), .channels(d[4][CB:0]), .high(d[4][16 +: YB+1]),
        .wide(d[5][XB:0]), .state_base(d[6][SA-1:0]), .register_base(d[7][PA-1:0]), .sharing(d[0][21:20]), .shift(d[8][4:0]),
        .fires(d[0][4]), .subtract(d[0][5]), .keep(d[0][6]), .at_threshold(d[0][7]), .refractory(d[5][21:16]), .most(d[5][24 +: KB]),
        .report_v(d[0][9]), .report_spikes(d[0][8]), .read(read), .read_row(read_row), .sums(sums),
        .clear_row(clear_row), .clear_at(clear_at), .state_re(state_re), .state_raddr(state_raddr), .state_rdata(state_rdata),
        .state_we(state_we), .state_waddr(state_waddr), .state_wdata(state_wdata),
        .register_address(register_address), .registers(registers), .initials(initials),
        .done_v(done_v), .done_y(done_y), .done_x(done_x), .done_c(done_c), .done_u(done_u), .done_state(done_state),
        .done_count(done_count), .output_ready(output_ready), .idle(update_idle),
        .sum_overflow(sum_overflow), .u_overflow(u_overflow)
    );
    assign probe = done_v; assign probe_source = source; assign probe_address = {done_y, done_x, done_c};
    assign probe_u = done_u; assign probe_v = done_state; assign probe_count = done_count;
    assign busy = state != IDLE || start || step;

    wire idle = decode_idle && walk_idle && sums_idle && update_idle;
    wire marker = state == BEGIN && op == END && !init && output_ready;
    wire report = done_v && (d[0][9] || (d[0][8] && done_count != 0));

    always @(posedge clk) begin
        close <= 0; input_step_done <= 0; input_started <= 0;
        case (state)
            CLEAR: if (sums_idle) begin
                state <= ADDRESS; pc <= 0;
            end
            IDLE: if (!input_started && !input_step_done) begin
                pc <= first_pc; sweep <= 0;
                if (start) begin
                    init <= 1; state <= FORGET;
                end else if (step) state <= ADDRESS;
            end
            FORGET: begin
                sweep <= sweep + 1;
                if (sweep == SWEEP - 1) state <= ADDRESS;
            end
            ADDRESS: begin              // the memory reads word 0 of the instruction
                index <= 0; pc <= pc + 1; state <= FETCH;
            end
            FETCH: begin
                d[index] <= word;
                index <= index + 1;
                if (index == (index == 0 ? word[31:26] : d[0][31:26]) - 1) state <= BEGIN;
                else pc <= pc + 1;
            end
            BEGIN: case (op)
                END: if (init) begin
                    init <= 0; input_started <= 1; state <= IDLE;
                end else if (output_ready) begin
                    input_step_done <= 1; state <= IDLE;
                end
                HEAD: begin
                    input_cap <= d[1]; input_slots <= d[2]; configured <= 1; first_pc <= pc; state <= IDLE;
                end
                default: state <= WAIT;
            endcase
            WAIT: if (idle && !close) begin
                if (op == UPDATE && !init && d[0][10]) close <= 1;
                state <= ADDRESS;
            end
            default: ;
        endcase
        if (m_ready) m_valid <= 0;
        if (report || marker) begin
            m_valid <= 1; m_kind <= marker ? 2'd1 : d[0][9] ? 2'd2 : 2'd0;
            m_address <= marker ? 0 : {done_y, done_x, done_c};
            m_value <= marker ? 0 : d[0][9] ? done_state : done_count;
        end
        if (error == 0 && (sum_overflow || u_overflow || queue_overflow || input_overflow)) begin
            error <= sum_overflow ? 3'd1 : u_overflow ? 3'd2 : queue_overflow ? 3'd3 : 3'd4;
            error_source <= source;
            state <= HALT;
        end
        if (rst) begin
            state <= CLEAR; init <= 0; configured <= 0; m_valid <= 0; error <= 0; index <= 0; d[0] <= 0;
        end
    end
endmodule
