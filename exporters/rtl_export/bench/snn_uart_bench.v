// Speaks UART to the board's top level, bit by bit and by time alone: the host's clock is not the core's.
//
//   +mem=FOLDER    memory images; weights are sent first where HUGE is 1
//   +stream=FILE   items "kind address value", one a line    +output=FILE   what comes back
//   +skew=PPM      how much longer the host's bits are than the board's, in millionths    +limit=MILLISECONDS
`timescale 1ns / 1ps
module snn_uart_bench #(
    parameter DIVIDE = 12,
    parameter HUGE = 0
);
    `include "parameters.vh"
    localparam PIECES = (LANES * WB + 23) / 24;
    localparam PERIOD = 80;             // of the board's clock: 12.5 MHz, which matters to nobody

    reg clk = 0, rx = 1; wire tx, fault;
    always #(PERIOD / 2) clk = !clk;
    snn_top #(.DIVIDE(DIVIDE), .HUGE(HUGE)) top (.clk(clk), .rx(rx), .tx(tx), .fault(fault));

    reg [8*256-1:0] name;
    reg [24*PIECES-1:0] words [0:WEIGHTS-1];
    reg [63:0] sent;
    string folder;
    integer stream, output_file, skew, limit, got, kind, address, value, ahead, i, j;
    real bit_ns;

    task send_item(input [7:0] what, input [31:0] where, input [23:0] how);
        begin
            sent = {how, where, what};
            for (i = 0; i < 8; i = i + 1) begin
                rx = 0; #(bit_ns);
                for (j = 0; j < 8; j = j + 1) begin
                    rx = sent[0]; sent = sent >> 1; #(bit_ns);
                end
                rx = 1; #(bit_ns);
            end
        end
    endtask

    integer w, p;
    initial begin
        skew = 0; limit = 10000; ahead = 0; folder = "mem";
        if ($value$plusargs("skew=%d", skew)) ;
        if ($value$plusargs("limit=%d", limit)) ;
        if ($value$plusargs("mem=%s", folder)) ;
        bit_ns = PERIOD * DIVIDE * (1.0 + skew / 1000000.0);
        if (!$value$plusargs("stream=%s", name)) name = "golden.stream";
        stream = $fopen(name, "r");
        if (!$value$plusargs("output=%s", name)) name = "output.txt";
        output_file = $fopen(name, "w");
        #(PERIOD * 300);
        if (HUGE != 0) begin
            $readmemh({folder, "/weights.hex"}, words);
            for (w = 0; w < WEIGHTS; w = w + 1)
                for (p = 0; p < PIECES; p = p + 1) send_item(3, w, words[w] >> 24 * p);
        end
        got = $fscanf(stream, "%d %d %d\n", kind, address, value);
        while (got == 3) begin
            while (ahead > 1 || (kind == 2 && ahead > 0)) #(PERIOD);
            send_item(kind, address, value);
            if (kind == 1) ahead = ahead + 1;
            got = $fscanf(stream, "%d %d %d\n", kind, address, value);
        end
        while (ahead > 0) #(PERIOD);
        #(bit_ns * 20);
        $fclose(output_file);
        if (fault) $display("fault"); else $display("done");
        $finish;
    end

    // The other direction: a start bit, then the middle of every bit by time.
    reg [63:0] heard;
    reg signed [23:0] heard_value;
    reg at;
    integer n, k;
    initial begin
        #(PERIOD * 300);
        forever begin
            for (n = 0; n < 8; n = n + 1) begin
                while (tx) #(PERIOD);
                #(bit_ns * 0.5);
                for (k = 0; k < 8; k = k + 1) begin
                    #(bit_ns); heard = {tx, heard[63:1]};
                end
                #(bit_ns);
                if (!tx) begin
                    $display("no stop bit"); $finish;
                end
            end
            heard_value = heard[63:40];
            $fwrite(output_file, "%0d %0d %0d\n", heard[7:0], heard[39:8], heard_value);
            if (heard[7:0] == 1) ahead = ahead - 1;
        end
    end

    initial begin
        #1;
        for (w_ms = 0; w_ms < limit; w_ms = w_ms + 1) #1000000;
        $display("stuck after %0d ms", limit);
        $finish;
    end
    integer w_ms;
endmodule
