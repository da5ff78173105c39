// Of snn_input: never more than two whole steps, no message written into a step that is still read, no deadlock.
    reg up = 0;
    reg begun = 0;              // a sample starts before its messages
    reg [2:0] whole = 0;
    always @(posedge clk) begin
        up <= 1;
        if (started) begun <= 1;
        whole <= (rst || started) ? 0 : whole + close - step_done;
    end
    always @* begin
        assume (rst == !up);
        assume (cap == 2 && slots == 3 && enable);
        assume (s_kind <= 2);
        assume (!step_done || (step && !start));
        assume (started == 0 || start);
        if (up) begin
            assert (filled == whole);
            assert (filled <= 2);
            assert (wslot <= 2 && slot <= 2);
            assert (wcount <= 2);
            assert (slot + filled + 0 == wslot || slot + filled + 0 == wslot + 3);
            assert (slot_base == slot * 2 && wbase == wslot * 2);
            assert (!(push && filled != 0 && wslot == slot));
            assert (!start || (filled == 0 && wcount == 0));
            // either the next item is taken, or the core has work, which frees a place; a start waits for its step's end
            assert (s_ready || step || start || (s_kind == SAMPLE && wcount != 0));
        end
    end
