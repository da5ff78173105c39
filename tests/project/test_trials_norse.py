"""What trials of an early state broke in reading Norse modules, one check an item, as `test_trials` has the others.

W are wrong results, N networks as people publish them, by the numbers of the list of findings.
"""

import pytest

import snn2hw as sw

torch = pytest.importorskip("torch")
norse = pytest.importorskip("norse.torch")
nn = torch.nn


class Kept(nn.Module):
    """Keeps its state on itself."""

    def __init__(self):
        super().__init__()
        self.fc, self.lif, self.state = nn.Linear(3, 3), norse.LIFCell(), None

    def forward(self, x):
        out = []
        for now in x:
            z, self.state = self.lif(self.fc(now), self.state)
            out.append(z)
        return torch.stack(out)


class InTime(nn.Module):
    """A loop over time around two layers of neurons; ``end`` says what is returned."""

    def __init__(self, end, steps=None, start=lambda x: x):
        super().__init__()
        self.one, self.two = norse.LIFCell(), norse.LIFCell()
        self.end, self.steps, self.start = end, steps, start

    def forward(self, x):
        x = self.start(x)
        first, second, a, b = None, None, [], []
        for t in range(self.steps or x.shape[0]):
            z, first = self.one(x[t], first)
            y, second = self.two(2 * z, second)
            a.append(z)
            b.append(y)
        return self.end(a, b)


def test_w1_reading_leaves_no_state_in_the_module():
    module = Kept()
    sw.from_norse(module, input_shape=(3,))
    assert module.state is None


def test_w2_a_second_output_is_not_dropped_without_a_word():
    source = sw.from_norse(InTime(lambda a, b: (torch.stack(a), torch.stack(b))), input_shape=(3,))
    assert any("output" in note for note in source.notes)


def test_w3_a_mean_over_the_last_ten_steps_is_called_one():
    source = sw.from_norse(InTime(lambda a, b: torch.stack(b)[-10:].mean(0)), input_shape=(3,))
    assert any("10" in note for note in source.notes)


def read(module, size=3):
    return sw.from_norse(module, input_shape=(size,))


def test_n1_a_static_image_and_a_loop_inside():
    steps = InTime(lambda a, b: torch.stack(b), steps=8, start=lambda x: x.unsqueeze(0).repeat(8, 1, 1))
    assert read(steps).input_shape == (3,)


def test_n2_code_that_the_output_does_not_need():
    log = []

    def end(a, b):
        log.append(float(torch.stack(a).mean().item()))
        return torch.stack(b)

    assert read(InTime(end)).input_shape == (3,)


def test_n3_a_relu_of_spikes_is_the_identity():
    assert read(InTime(lambda a, b: torch.relu(torch.stack(b)))).input_shape == (3,)


class Functional(nn.Module):
    """Uses the step of a neuron as a function."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        from norse.torch.functional.lif import LIFFeedForwardState, lif_feed_forward_step

        zeros, out = torch.zeros_like(self.fc(x[0])), []
        state = LIFFeedForwardState(v=zeros, i=zeros)
        for now in x:
            z, state = lif_feed_forward_step(self.fc(now), state, norse.LIFParameters())
            out.append(z)
        return torch.stack(out)


def test_n4_a_step_used_as_a_function():
    assert read(Functional()).input_shape == (3,)


class Flagged(nn.Module):
    """A forward with a second argument, a loop over ``x.shape[0]`` in it, and spikes kept in one of two ways."""

    def __init__(self, out):
        super().__init__()
        self.lif, self.out = norse.LIFCell(), out

    def forward(self, x, flag=None):
        state, kept = None, self.out(x)
        for t in range(x.shape[0]):
            z, state = self.lif(x[t], state)
            if isinstance(kept, list):
                kept.append(z)
            else:
                kept[t][:] = z
        return torch.stack(kept) if isinstance(kept, list) else kept


def test_n5_a_second_argument_is_not_taken_for_a_state():
    assert read(Flagged(lambda x: [])).input_shape == (3,)


def test_n6_spikes_written_into_a_tensor():
    assert read(Flagged(lambda x: torch.zeros(x.shape))).input_shape == (3,)
