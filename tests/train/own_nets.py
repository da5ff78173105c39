"""Norse modules as users write them, for `--model package.module:function`."""

import torch
from norse.torch import LIBoxCell, LIFBoxCell, LIFBoxParameters, LIFCell, LIFParameters, PoissonEncoder, SequentialState
from torch import nn

RATE = torch.tensor(500.0)


def _box():
    return LIFBoxCell(LIFBoxParameters(tau_mem_inv=RATE))


def sequence(classes, shape):
    """A sequence with normalisation and dropout, that is told both."""
    channels = shape[0]
    return SequentialState(
        nn.Conv2d(channels, 6, 3, 2, bias=False),
        nn.BatchNorm2d(6),
        _box(),
        nn.Conv2d(6, 6, 3, 2),
        _box(),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(294, classes),
        LIBoxCell(LIFBoxParameters(tau_mem_inv=RATE)),
    )


class Looped(nn.Module):
    """A forward of its own over all steps, with a decay that is learnt."""

    def __init__(self, classes=3):
        super().__init__()
        self.pool = nn.AvgPool2d(4)
        self.hidden = nn.Linear(64, 24)
        self.norm = nn.BatchNorm1d(24)
        self.rate = nn.Parameter(torch.tensor(400.0))
        self.cell = LIFBoxCell(LIFBoxParameters(tau_mem_inv=self.rate))
        self.answer = nn.Linear(24, classes)
        nn.init.normal_(self.hidden.weight, std=1.0)

    def forward(self, x):
        state, answers = None, []
        for step in x:
            z, state = self.cell(self.norm(self.hidden(self.pool(step).flatten(1))), state)
            answers.append(self.answer(z))
        return torch.stack(answers)


class Stepped(nn.Module):
    """One step a call, its state handed on."""

    def __init__(self, classes=3):
        super().__init__()
        self.first = nn.Linear(1024, 24)
        self.cell = LIFCell(LIFParameters(tau_syn_inv=RATE, tau_mem_inv=RATE))
        self.answer = nn.Linear(24, classes)
        nn.init.normal_(self.first.weight, std=0.3)

    def forward(self, x, state=None):
        z, state = self.cell(self.first(x.flatten(1)), state)
        return self.answer(z), state


def batch_first(classes):
    class BatchFirst(Looped):
        def forward(self, x):
            return super().forward(x.transpose(0, 1)).transpose(0, 1)

    return BatchFirst(classes)


looped = Looped
stepped = Stepped


def normalised_over_features():
    return SequentialState(nn.Flatten(), nn.Linear(1024, 16), nn.LayerNorm(16), _box(), nn.Linear(16, 3))


def of_ten():
    return SequentialState(nn.Flatten(), nn.Linear(1024, 16), _box(), nn.Linear(16, 10))


def decided():
    class Decided(Looped):
        def forward(self, x):
            return super().forward(x).mean(0)

    return Decided()


def encoding():
    class Encoding(Looped):
        def __init__(self):
            super().__init__()
            self.encoder = PoissonEncoder(6)

        def forward(self, x):
            return super().forward(self.encoder(x))

    return Encoding()


def remembering():
    class Remembering(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.state = SequentialState(nn.Flatten(), nn.Linear(1024, 8), _box(), nn.Linear(8, 3)), None

        def forward(self, x, _=None):
            out, self.state = self.net(x, self.state)
            return out

    return Remembering()


def four_steps():
    class FourSteps(Looped):
        def forward(self, x):
            return super().forward(torch.stack([x[t] for t in range(4)]))

    return FourSteps()


def failing(classes):
    raise RuntimeError("no such thing")


def needing(width):
    return nn.Linear(width, 3)


READY = of_ten()
NUMBER = 5
