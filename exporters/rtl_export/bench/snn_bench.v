// Plays a stream into the core, with random pauses on both sides, and writes down all that comes out.
//
//   +mem=FOLDER    memory images          +stream=FILE   items "kind address value", one a line
//   +probe=FILE    every neuron after every step: "source address u v spikes"
//   +output=FILE   the output stream: "kind address value"
//   +expect=FILE   compare the probe with FILE instead of writing it
//   +pause=P       per cent of clocks on which a side does not offer or take    +seed=N    +limit=CLOCKS
`timescale 1ns / 1ps
`ifndef SNN_PARAMETERS
`define SNN_PARAMETERS "parameters.vh"
`endif
module snn_bench;
    `include `SNN_PARAMETERS
    localparam EB = YB + XB + CB;
    localparam KB = MOST ? MOST : 1;

    reg clk = 0, rst = 1;
    always #5 clk = !clk;

    reg s_valid = 0, m_ready = 0; wire s_ready, m_valid;
    reg [1:0] s_kind = 0; wire [1:0] m_kind;
    reg [EB-1:0] s_address = 0; wire [EB-1:0] m_address, probe_address;
    reg signed [MB-1:0] s_value = 0; wire signed [23:0] m_value, probe_v;
    wire probe, busy; wire [7:0] probe_source, error_source;
    wire signed [UB-1:0] probe_u; wire [KB-1:0] probe_count; wire [2:0] error;

    snn_core #(
        .LANES(LANES), .WB(WB), .MB(MB), .AB(AB), .UB(UB), .YB(YB), .XB(XB), .CB(CB), .ICB(ICB), .QB(QB), .WEIGHTS(WEIGHTS), .ROWS(ROWS),
        .NEURONS(NEURONS), .REGISTERS(REGISTERS), .INITIAL(INITIAL), .TABLE(TABLE), .PROGRAM(PROGRAM), .SOURCES(SOURCES),
        .MESSAGES(MESSAGES), .SLOTS(SLOTS), .INPUTS(INPUTS), .INPUT_SLOTS(INPUT_SLOTS), .LEFT(LEFT), .FOLD(FOLD), .UP(UP), .DOWN(DOWN), .CURRENT(CURRENT), .MOST(MOST),
        .REFRACTORY(REFRACTORY)
    ) core (
        .clk(clk), .rst(rst), .s_valid(s_valid), .s_ready(s_ready), .s_kind(s_kind), .s_address(s_address), .s_value(s_value),
        .m_valid(m_valid), .m_ready(m_ready), .m_kind(m_kind), .m_address(m_address), .m_value(m_value),
        .load(1'b0), .load_address(0), .load_word(0),
        .probe(probe), .probe_source(probe_source), .probe_address(probe_address), .probe_u(probe_u), .probe_v(probe_v),
        .probe_count(probe_count), .busy(busy), .error(error), .error_source(error_source)
    );

    reg [8*256-1:0] name;
    integer stream, probed, output_file, expected, got, pause, seed, limit, clocks, items, wrong, first_clock, steps;
    integer kind, address, value, e_source, e_address, e_u, e_v, e_count;
    reg more, taken;
    reg [31:0] dice, roll;          // the same throws in every simulator

    initial begin
        probed = 0; output_file = 0; expected = 0; pause = 0; seed = 1; limit = 100000000; clocks = 0; items = 0; wrong = 0;
        first_clock = 0; steps = 0; more = 1;
        if (!$value$plusargs("stream=%s", name)) name = "stream.txt";
        stream = $fopen(name, "r");
        if (stream == 0) begin $display("no stream"); $finish; end
        if ($value$plusargs("probe=%s", name)) probed = $fopen(name, "w");
        if ($value$plusargs("output=%s", name)) output_file = $fopen(name, "w");
        if ($value$plusargs("expect=%s", name)) expected = $fopen(name, "r");
        if ($value$plusargs("pause=%d", pause)) ;
        if ($value$plusargs("seed=%d", seed)) ;
        if ($value$plusargs("limit=%d", limit)) ;
    end

    task finish_if(input over);
        if (over) begin
            $display("clocks %0d steps %0d", clocks - first_clock, steps);
            if (expected != 0 && wrong == 0) $display("equal: every neuron of every step");
            if (expected != 0 && wrong != 0) $display("different: %0d neurons and steps", wrong);
            if (probed != 0) $fclose(probed);
            if (output_file != 0) $fclose(output_file);
            $finish;
        end
    endtask

    // Stimulus changes on the falling edge, so that it is stable around the rising one.
    always @(negedge clk) begin
        clocks = clocks + 1;
        rst <= clocks < 4;
        if (clocks == 1) dice = seed;
        if (clocks >= 4) begin
            dice = dice * 32'd1664525 + 32'd1013904223;
            roll = dice >> 16;
            if (!s_valid || taken) begin
                s_valid <= 0;
                if (more && roll % 100 >= pause) begin
                    got = $fscanf(stream, "%d %d %d\n", kind, address, value);
                    if (got == 3) begin
                        items = items + 1;
                        s_valid <= 1; s_kind <= kind; s_address <= address; s_value <= value;
                    end else more = 0;
                end
            end
            dice = dice * 32'd1664525 + 32'd1013904223;
            roll = dice >> 16;
            m_ready <= roll % 100 >= pause;
            if (error != 0) begin
                $display("error %0d source %0d step %0d", error, error_source, steps);
                finish_if(1);
            end
            if (clocks > limit) begin
                $display("stuck after %0d clocks", clocks);
                finish_if(1);
            end
            finish_if(!more && (!s_valid || taken) && !busy && !m_valid);
        end
    end

    always @(posedge clk) begin
        taken <= s_valid && s_ready;
        if (s_valid && s_ready && first_clock == 0) first_clock = clocks;
        if (!rst && probe) begin
            if (probed != 0) $fwrite(probed, "%0d %0d %0d %0d %0d\n", probe_source, probe_address, probe_u, probe_v, probe_count);
            if (expected != 0) begin
                got = $fscanf(expected, "%d %d %d %d %d\n", e_source, e_address, e_u, e_v, e_count);
                if (got != 5 || e_source != probe_source || e_address != probe_address || e_u != probe_u || e_v != probe_v
                    || e_count != probe_count) begin
                    if (wrong < 10) $display("step %0d source %0d address %0d: u %0d v %0d spikes %0d, expected %0d %0d %0d",
                        steps, probe_source, probe_address, probe_u, probe_v, probe_count, e_u, e_v, e_count);
                    wrong = wrong + 1;
                end
            end
        end
        if (!rst && m_valid && m_ready) begin
            if (m_kind == 1) steps = steps + 1;
            if (output_file != 0) $fwrite(output_file, "%0d %0d %0d\n", m_kind, m_address, m_value);
        end
    end
endmodule
