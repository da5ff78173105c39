// Of snn_queues, one source with a ring of three queues of five: a message lies where the reader looks for it, until its
// queue is opened anew; a queue's count is what was pushed into it; a message too many raises overflow, and writes nothing.
    localparam CAP = 5, RING = 3, BASE = 2, FIRST = 1;
    reg up = 0, begun = 0, opened = 0, spilt = 0;
    (* anyconst *) reg [1:0] seen_slot;
    (* anyconst *) reg [2:0] seen_index;
    wire [AW-1:0] looked_at = BASE + seen_slot * CAP + seen_index;
    reg there = 0; reg [EB-1:0] told, memory;
    reg [3:0] told_count = 0, in_slot = 0; reg counted = 0;
    always @(posedge clk) begin
        up <= 1;
        if (clear && clear_source == 1) begun <= 1;
        if (open) opened <= 1; else if (close) opened <= 0;
        if (takes && place == looked_at) memory <= message;            // the memory, seen at one place
        if (open && (slot == RING - 1 ? 0 : slot + 1) == seen_slot) there <= 0;
        else if (takes && slot == seen_slot && pushed == seen_index) begin
            there <= 1; told <= message;
        end
        in_slot <= open ? 0 : in_slot + takes;
        if (push && full) spilt <= 1;
        if (rst) spilt <= 0;
        if (clear) there <= 0;
    end
    always @* begin
        assume (rst == !up);
        assume (seen_slot < RING && seen_index < CAP);
        assume (cap == CAP && slots == RING && base == BASE && first_count == FIRST && source == 1);
        assume (!clear || (!open && !push && !close && clear_source == 1));
        assume (begun || !(open || push || close));
        assume (!(open && opened) && (opened || !(push || close)) && !(push && close) && !(open && (push || close)));
        assume (!(opened && clear));
        if (up) assert (overflow == spilt);
        if (!begun) assert (!opened && !there);
        if (begun) begin
            assert (slot < RING && slot_base == slot * CAP);
            if (opened) assert (pushed == in_slot && pushed <= CAP);
            if (takes) assert (place >= BASE && place < BASE + RING * CAP);
            if (there) assert (memory == told);
            if (opened && there && slot == seen_slot) assert (seen_index < pushed);
            if (opened && slot == seen_slot && seen_index < pushed) assert (there);
            if (close) assert (count_at == FIRST + slot && count_in == in_slot);
        end
    end
