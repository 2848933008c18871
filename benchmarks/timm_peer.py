"""timm on the other side of a comparison: a process that runs training steps when told to.

A line "K" on standard input runs K steps and answers with a line of JSON: {"seconds": ...}. One that is about to start
says what it is: {"peer": "torch 2.13.0, timm 1.0.31", ...}.

A step is what `netwright bench train` does: forward, cross-entropy with label smoothing, backward, RMSProp with weight
decay, moving averages of weights and statistics; eager, channels-last, float32, on a batch that is there already.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import re
import sys
import time

import torch

# timm's name, and the rates of ours: dropout, drop-connect.
MODELS = {
    "efficientnet-b0": ("tf_efficientnet_b0", 0.2, 0.2),
    "mnasnet-a1": ("semnasnet_100", 0.2, 0.0),
}


def import_timm():
    """torchvision without its compiled part: declare the operators that its Python part describes."""
    folder = pathlib.Path(importlib.util.find_spec("torchvision").submodule_search_locations[0])
    source = (folder / "_meta_registrations.py").read_text()
    names = set(re.findall(r'register_meta\("(\w+)"', source)) | set(re.findall(r'"torchvision::(\w+)"', source))
    library = torch.library.Library("torchvision", "DEF")
    for name in sorted(names):
        library.define(f"{name}(Tensor input) -> Tensor")
    import timm
    return timm, library


class Trainer:
    def __init__(self, model, batch, size):
        torch.manual_seed(0)
        self.model = model.to(memory_format=torch.channels_last).train()
        self.images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
        self.labels = torch.arange(batch) % 1000
        self.loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
        decayed = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.RMSprop(
            [{"params": decayed, "weight_decay": 1e-5}, {"params": others}],
            lr=1e-5, alpha=0.9, momentum=0.9, eps=1e-3, foreach=True)
        self.values = [t for t in model.state_dict().values() if t.is_floating_point()]
        self.averages = [t.detach().clone() for t in self.values]

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss(self.model(self.images), self.labels).backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, self.values, 1e-4)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes elsewhere
    torch.set_num_threads(options.threads)
    timm, library = import_timm()  # the library must stay
    name, drop, drop_path = MODELS[options.model]
    trainer = Trainer(timm.create_model(name, drop_rate=drop, drop_path_rate=drop_path), options.batch, options.size)
    print(json.dumps({"peer": f"timm {timm.__version__} {name}, torch {torch.__version__}"}), file=answers, flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        for _ in range(int(line)):
            trainer.step()
        print(json.dumps({"seconds": time.perf_counter() - begin}), file=answers, flush=True)
    del library


if __name__ == "__main__":
    main()
