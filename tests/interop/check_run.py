"""Trains a little and reads what the run wrote with TensorBoard and TensorFlow; parses drawings as XML.

    check_run.py NETWRIGHT

NETWRIGHT is the program. Prints what it checked; any difference is an AssertionError.
"""

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import HISTOGRAMS, IMAGES, SCALARS, EventAccumulator
from tensorboard.context import RequestContext

COLOURS = {"green": (20, 200, 40), "red": (250, 10, 30), "white": (255, 255, 255)}
SIZE = 40
HISTOGRAM_STEPS = [2, 4]


def make_images(folder):
    """Pictures of one colour each: whatever is cut out of one has that colour."""
    for name, colour in COLOURS.items():
        os.makedirs("%s/train/%s" % (folder, name))
        picture = np.zeros([50, 60, 3], np.uint8) + np.array(colour, np.uint8)
        for i in range(8):
            tf.io.write_file("%s/train/%s/%d.png" % (folder, name, i), tf.io.encode_png(picture))


def train(program, folder):
    subprocess.run(
        [program, "train", "mnasnet-a1", "--depth_multiplier=0.35", "--image_size=%d" % SIZE]
        + ["--data=" + folder, "--model_dir=" + folder + "/run", "--batch=6", "--epochs=1", "--log_steps=1"]
        + ["--histogram_steps=2", "--checkpoint_steps=2"],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def check_scalars(run, accumulator):
    with open(run + "/metrics.jsonl") as file:
        lines = [json.loads(line) for line in file]
    assert [line["step"] for line in lines] == [1, 2, 3, 4], lines
    tags = accumulator.Tags()[SCALARS]
    for tag in ("loss", "learning_rate", "examples/sec", "waiting_for_data"):
        assert tag in tags, tags
    for tag in tags:
        points = [(point.step, point.value) for point in accumulator.Scalars(tag)]
        assert points == [(line["step"], np.float32(line[tag])) for line in lines], tag
    print("scalars: %d tags of %d points equal metrics.jsonl" % (len(tags), len(lines)))


def histogram_of_tensorflow(values):
    """HistogramProto as TensorFlow's own operation writes it."""
    summary = tf.compat.v1.Summary.FromString(tf.raw_ops.HistogramSummary(tag="t", values=values).numpy())
    return summary.value[0].histo


def check_histograms(run, accumulator):
    tags = accumulator.Tags()[HISTOGRAMS]
    checkpoint = tf.train.load_checkpoint(run + "/model.ckpt-2")
    names = [tag.split("/", 1)[1] for tag in tags if tag.startswith("weights/")]
    assert sorted(tags) == sorted(group + name for group in ("weights/", "gradients/") for name in names)
    variables = checkpoint.get_variable_to_shape_map()
    trainable = [name + "/RMSProp" for name in names]
    assert names and all(name in variables for name in names + trainable)
    assert len([name for name in variables if name.endswith("/RMSProp")]) == len(names)
    for name in names:
        events = accumulator.Histograms("weights/" + name)
        assert [event.step for event in events] == HISTOGRAM_STEPS, name
        ours, theirs = events[0].histogram_value, histogram_of_tensorflow(checkpoint.get_tensor(name))
        for field in ("min", "max", "num"):
            assert getattr(ours, field) == getattr(theirs, field), (name, field)
        for field in ("sum", "sum_squares"):
            assert np.isclose(getattr(ours, field), getattr(theirs, field), rtol=1e-12, atol=1e-12), (name, field)
        assert ours.bucket_limit == list(theirs.bucket_limit), name
        assert ours.bucket == list(theirs.bucket), name
        gradients = accumulator.Histograms("gradients/" + name)[0].histogram_value
        assert gradients.num == ours.num and np.isfinite([gradients.min, gradients.max]).all(), name
    print("histograms: %d tags; weights equal TensorFlow's histograms of the checkpoint" % len(tags))


def check_dashboards(run):
    """The way of TensorBoard's dashboards: everything as tensors of the plugins."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(run)
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, run)
    for plugin in ("scalars", "histograms", "images"):
        listing = {
            "scalars": provider.list_scalars,
            "histograms": provider.list_tensors,
            "images": provider.list_blob_sequences,
        }[plugin]
        found = listing(RequestContext(), experiment_id="", plugin_name=plugin)
        tags = next(iter(found.values()), {})
        assert tags, plugin
        print("dashboard %s: %d tags" % (plugin, len(tags)))
    tensors = provider.list_tensors(RequestContext(), experiment_id="", plugin_name="histograms")
    tag = next(tag for tag in next(iter(tensors.values())) if tag.startswith("weights/"))
    read = provider.read_tensors(RequestContext(), experiment_id="", plugin_name="histograms", downsample=100)
    points = next(iter(read.values()))[tag]
    assert [point.step for point in points] == HISTOGRAM_STEPS and points[0].numpy.shape[1] == 3


def check_image(accumulator):
    """A sheet with tiles in the pictures' own colours: normalisation is undone."""
    (event,) = accumulator.Images("first_batch/image")
    pixels = tf.io.decode_png(event.encoded_image_string).numpy()
    assert pixels.shape == (event.height, event.width, 3), pixels.shape
    assert event.step == 0
    counts = {name: np.all(pixels == colour, axis=2).sum() for name, colour in COLOURS.items()}
    tiles = (counts["green"] + counts["red"]) / SIZE**2
    assert tiles >= 1, counts
    print("image: %d x %d, %.1f tiles' worth of the pictures' own colours" % (event.width, event.height, tiles))


def check_drawings(program):
    models = json.loads(subprocess.run([program, "models", "--json"], check=True, capture_output=True).stdout)
    for model in models:
        svg = subprocess.run([program, "summary", model["name"], "--svg=-"], check=True, capture_output=True).stdout
        root = ElementTree.fromstring(svg)
        assert root.tag.endswith("svg") and root.findtext("{http://www.w3.org/2000/svg}title") == model["name"]
    print("drawings: %d models, well-formed" % len(models))


def check_resumed(program, folder):
    """A run that died after step 2 does steps 3 and 4 again: each step is one point."""
    run = folder + "/run"
    with open(run + "/checkpoint", "w") as file:
        file.write('model_checkpoint_path: "model.ckpt-2"\nall_model_checkpoint_paths: "model.ckpt-2"\n')
    train(program, folder)
    accumulator = EventAccumulator(run, size_guidance={SCALARS: 0})
    accumulator.Reload()
    for tag in accumulator.Tags()[SCALARS]:
        steps = [point.step for point in accumulator.Scalars(tag)]
        assert steps == [1, 2, 3, 4], (tag, steps)
    print("scalars of a resumed run: each step once")


def main():
    program = sys.argv[1]
    check_drawings(program)
    with tempfile.TemporaryDirectory() as folder:
        make_images(folder)
        train(program, folder)
        run = folder + "/run"
        accumulator = EventAccumulator(run, size_guidance={SCALARS: 0, HISTOGRAMS: 0, IMAGES: 0})
        accumulator.Reload()
        check_scalars(run, accumulator)
        check_histograms(run, accumulator)
        check_image(accumulator)
        check_dashboards(run)
        check_resumed(program, folder)


main()
