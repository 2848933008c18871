"""Exchanges weights with timm and torchvision and compares what both compute from them.

    check_weights.py NETWRIGHT

NETWRIGHT is the program. Weights are random, batch norms' statistics too. torch comes from PYTHONPATH; without it or
timm the check says that it is skipped (exit code 77), but fails where CI=true. Prints what it checked; any difference
is an AssertionError.
"""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

missing = [name for name in ("torch", "timm", "torchvision", "safetensors") if importlib.util.find_spec(name) is None]
if missing:
    print(f"SKIPPED: this Python has no {', '.join(missing)}")
    sys.exit(1 if os.environ.get("CI") == "true" else 77)
import safetensors.numpy
import safetensors.torch
import torch

TIMM = ["efficientnet_b0", "tf_efficientnet_b0", "tf_efficientnet_lite0", "tf_efficientnet_es",
        "tf_efficientnet_cc_b0_4e", "mnasnet_100", "semnasnet_100", "mixnet_s", "mobilenetv2_100", "mobilenetv2_140",
        "mobilenetv3_large_100"]
# torchvision's name and ours.
TORCHVISION = [("efficientnet_b0", "efficientnet_b0"), ("mnasnet1_0", "mnasnet_100"), ("mobilenet_v2", "mobilenetv2_100")]
TOLERANCE = 1e-4
# Neither square nor even: TensorFlow's padding differs from the symmetric one, and rows from columns.
HEIGHT, WIDTH = 97, 128


def declare_operators():
    """torchvision without its compiled part: declares the operators that its Python part describes."""
    folder = pathlib.Path(importlib.util.find_spec("torchvision").submodule_search_locations[0])
    source = (folder / "_meta_registrations.py").read_text()
    names = set(re.findall(r'register_meta\("(\w+)"', source)) | set(re.findall(r'"torchvision::(\w+)"', source))
    library = torch.library.Library("torchvision", "DEF")
    for name in sorted(names):
        library.define(f"{name}(Tensor input) -> Tensor")
    return library


def randomise(model, seed):
    """Its own initial kernels, and statistics, scales and biases that aren't the same for every channel."""
    generator = torch.Generator().manual_seed(seed)
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith("running_mean") or (name.endswith(".bias") and tensor.ndim == 1):
            tensor.normal_(0.0, 0.1, generator=generator)
        elif tensor.ndim == 1 and tensor.is_floating_point():
            tensor.uniform_(0.8, 1.2, generator=generator)
    model.load_state_dict(state)
    return model.eval()


class Checker:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        torch.manual_seed(1)
        self.images = torch.randn(2, 3, HEIGHT, WIDTH)
        safetensors.torch.save_file({"images": self.images.permute(0, 2, 3, 1).contiguous()}, self.path("in.safetensors"))

    def path(self, name):
        return str(self.folder / name)

    def run(self, *words):
        result = subprocess.run([self.program, *words], capture_output=True, text=True)
        assert result.returncode == 0, f"{words}: {result.stderr}"

    def logits(self, model, weights):
        self.run("forward", model, f"--weights={weights}", f"--input={self.path('in.safetensors')}",
                 f"--output={self.path('out.safetensors')}", "--classes=1000")
        return torch.from_numpy(safetensors.numpy.load_file(self.path("out.safetensors"))["logits"])

    def compare(self, what, model, weights, expected):
        difference = float((self.logits(model, weights) - expected).abs().max() / expected.abs().max())
        print(f"{what}: logits differ by {difference:.1e} of the largest")
        assert difference < TOLERANCE, what

    def check_timm(self, name, model):
        """timm's weights here, and from here, through TensorFlow's names, back to timm."""
        with torch.no_grad():
            expected = model(self.images)
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        safetensors.torch.save_file(state, self.path("theirs.safetensors"))
        self.compare(f"timm {name}", name, self.path("theirs.safetensors"), expected)
        self.run("convert", name, f"--weights={self.path('theirs.safetensors')}",
                 f"--output={self.path('ours.safetensors')}")
        self.run("convert", f"--weights={self.path('ours.safetensors')}", "--names=timm",
                 f"--output={self.path('back.safetensors')}")
        back = safetensors.torch.load_file(self.path("back.safetensors"))
        assert back.keys() == state.keys(), set(back) ^ set(state)
        model.load_state_dict(back)
        for key, value in state.items():
            assert torch.equal(back[key], value) or key.endswith("num_batches_tracked"), key
        with torch.no_grad():
            assert torch.equal(model(self.images), expected), name

    def check_preprocessing(self, name, model):
        """A picture file seen by timm's evaluation and by ours: the same classes, as likely."""
        import PIL.Image
        import timm.data
        transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))
        noise = torch.nn.functional.interpolate(torch.rand(1, 3, 40, 55), size=(311, 432), mode="bicubic")[0]
        picture = PIL.Image.fromarray((noise.clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy())
        picture.save(self.path("picture.png"))
        with torch.no_grad():
            expected = model(transform(picture)[None]).softmax(-1)[0]
        safetensors.torch.save_file({key: value.contiguous() for key, value in model.state_dict().items()},
                                    self.path("theirs.safetensors"))
        words = [self.program, "predict", name, self.path("picture.png"),
                 f"--weights={self.path('theirs.safetensors')}", "--json"]
        result = subprocess.run(words, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        difference = max(abs(one["probability"] / float(expected[one["class"]]) - 1)
                         for one in json.loads(result.stdout)[0]["top"])
        print(f"timm {name} on a picture: probabilities of the first five differ by {difference:.1e} of themselves")
        assert difference < TOLERANCE, name

    def check_containers(self, name, model):
        """PyTorch's own files: the zip form, the older one, weights and their averages inside a training's state."""
        with torch.no_grad():
            expected = model(self.images)
        state = model.state_dict()
        torch.save(state, self.path("zip.pth"))
        torch.save(state, self.path("old.pth"), _use_new_zipfile_serialization=False)
        other = {key: value * 2 for key, value in state.items()}
        torch.save({"epoch": 3, "arch": name, "state_dict": other, "state_dict_ema": state}, self.path("run.pth.tar"))
        for file in ["zip.pth", "old.pth", "run.pth.tar"]:
            self.compare(f"{name} in {file}", name, self.path(file), expected)
        self.run("convert", name, f"--weights={self.path('zip.pth')}", f"--output={self.path('model.ckpt')}")
        self.compare(f"{name} in a checkpoint", name, self.path("model.ckpt"), expected)


def main():
    declarations = declare_operators()
    with contextlib.redirect_stdout(io.StringIO()):  # of optional parts that aren't installed
        import timm
        import torchvision
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(sys.argv[1], pathlib.Path(folder))
        for seed, name in enumerate(TIMM):
            model = randomise(timm.create_model(name), seed)
            checker.check_timm(name, model)
        for name in ["semnasnet_100", "mobilenetv3_large_100"]:  # which tell another resizing by a third
            checker.check_preprocessing(name, randomise(timm.create_model(name), 9))
        checker.check_containers("mnasnet_100", randomise(timm.create_model("mnasnet_100"), 7))
        for theirs, ours in TORCHVISION:
            model = randomise(getattr(torchvision.models, theirs)(), 8)
            torch.save(model.state_dict(), checker.path("torchvision.pth"))
            with torch.no_grad():
                expected = model(checker.images)
            checker.compare(f"torchvision {theirs}", ours, checker.path("torchvision.pth"), expected)
    del declarations


if __name__ == "__main__":
    main()
