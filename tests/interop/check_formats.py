"""Checks our files with TensorFlow, TensorBoard and safetensors, and theirs with our readers.

    check_formats.py INTEROP_FILES NETWRIGHT

INTEROP_FILES is the program built beside this script, NETWRIGHT the one that users run. Prints what it checked; any difference is an AssertionError.
"""

import glob
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import safetensors.numpy
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import check_data


def quarters(shape):
    return (np.arange(np.prod(shape, dtype=int)) * 0.25 - 3.0).astype(np.float32).reshape(shape)


def bundle_tensors():
    """What interop_files writes, by name."""
    tensors = {
        "bool": np.array([True, False, True]),
        "empty": np.zeros([0, 3], np.float64),
        "global_step": np.array(1234567890123, np.int64),
        "kernel": quarters([3, 3, 2, 4]),
        "strings": np.array([b"ab", b"", b"\xff bytes"], object),
    }
    for i in range(300):
        tensors["scope_%03d/variable" % i] = quarters([i % 5 + 1])
    return tensors


def save(prefix, tensors, slices=None):
    """Saves with TensorFlow's own operation; the data lie in the order of `tensors`."""
    slices = slices or [""] * len(tensors)
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=[name for name, _ in tensors],
        shape_and_slices=slices,
        tensors=[tf.constant(value) for _, value in tensors],
    )


def content(path):
    with open(path, "rb") as file:
        return file.read()


def assert_same_tensor(actual, expected, name):
    actual = np.asarray(actual)
    assert actual.dtype == expected.dtype or expected.dtype == object, (name, actual.dtype, expected.dtype)
    assert actual.shape == expected.shape, (name, actual.shape, expected.shape)
    assert np.array_equal(actual, expected), name


def assert_same_files(ours, theirs):
    for suffix in (".index", ".data-00000-of-00001"):
        assert content(ours + suffix) == content(theirs + suffix), suffix + " differs from TensorFlow's"


def check_bundle_read_by_tensorflow(folder):
    tensors = bundle_tensors()
    reader = tf.train.load_checkpoint(folder)  # finds the prefix through our state file
    assert reader.get_variable_to_shape_map().keys() == tensors.keys()
    for name, expected in tensors.items():
        assert_same_tensor(reader.get_tensor(name), expected, name)
    state = tf.train.get_checkpoint_state(folder)
    assert os.path.samefile(state.model_checkpoint_path + ".index", folder + "/ours.index")


def check_bundle_equals_tensorflows(folder):
    save(folder + "/theirs", sorted(bundle_tensors().items()))
    assert_same_files(folder + "/ours", folder + "/theirs")


def check_bundle_of_every_type(folder, program):
    tensors = [
        ("z/first", np.array([1, -2], np.int8)),
        ("half", np.array([[1.5, -2.0]], np.float16)),
        ("bfloat16", tf.constant([0.5, 3.0], tf.bfloat16)),
        ("complex", np.array([1 + 2j], np.complex64)),
        ("complex128", np.array(3 - 4j, np.complex128)),
        ("uint8", np.arange(5, dtype=np.uint8)),
        ("uint16", np.arange(5, dtype=np.uint16)),
        ("uint32", np.arange(5, dtype=np.uint32)),
        ("uint64", np.array([2**63], np.uint64)),
        ("int16", np.array([-1], np.int16)),
        ("int32", np.array([[-1]], np.int32)),
        ("string", np.array(b"one", object)),
        ("double", np.array([np.pi])),
    ]
    save(folder + "/types", tensors)
    subprocess.run([program, "copy_bundle", folder + "/types", folder + "/types_copied"], check=True)
    assert_same_files(folder + "/types_copied", folder + "/types")


def check_partitioned_bundle(folder, program):
    whole = quarters([4, 6])
    rows = [whole[:1], whole[1:]]
    columns = [whole[:, :4], whole[:, 4:]]
    save(
        folder + "/parts",
        [("rows", rows[0]), ("rows", rows[1]), ("columns", columns[0]), ("columns", columns[1])],
        ["4 6 0,1:0,6", "4 6 1,3:-", "4 6 -:0,4", "4 6 -:4,2"],
    )
    subprocess.run([program, "copy_bundle", folder + "/parts", folder + "/parts_copied"], check=True)
    reader = tf.train.load_checkpoint(folder + "/parts_copied")
    for name in ("rows", "columns"):
        assert_same_tensor(reader.get_tensor(name), whole, name)


def check_events(folder):
    expected = {
        "loss": [(0, 2.0), (100, 1.5), (200, 1.0)],
        "top1": [(0, 0.0), (100, 0.25), (200, 0.5)],
    }
    accumulator = EventAccumulator(folder + "/events")
    accumulator.Reload()
    assert sorted(accumulator.Tags()["scalars"]) == sorted(expected)
    for tag, points in expected.items():
        scalars = accumulator.Scalars(tag)
        assert [(s.step, s.value) for s in scalars] == points, tag
        assert [s.wall_time for s in scalars] == [1700000000.0, 1700000001.0, 1700000002.0], tag
    (path,) = glob.glob(folder + "/events/events.out.tfevents.*")
    events = list(tf.compat.v1.train.summary_iterator(path))
    assert events[0].file_version == "brain.Event:2"
    assert len(events) == 7


def check_safetensors(folder, program):
    tensors = {
        "kernel": quarters([3, 3, 2, 4]),
        "double": np.array([0.1, -1e300]),
        "scalar": np.array(-7, np.int64),
        "bytes": np.array([0, 1, 254, 255], np.uint8),
        "none": np.zeros([0, 5], np.float32),
    }
    ours, theirs, copied = (folder + "/" + name for name in ("ours.safetensors", "theirs.safetensors", "copied"))
    read = safetensors.numpy.load_file(ours)
    assert read.keys() == tensors.keys()
    for name, expected in tensors.items():
        assert_same_tensor(read[name], expected, name)
    safetensors.numpy.save_file(tensors, theirs, metadata={"format": "np"})
    assert content(ours) == content(theirs), "our safetensors file differs from the package's"
    tensors["half"] = np.array([1.5, -2.0], np.float16)
    tensors["bool"] = np.array([True, False])
    tensors["i8"] = np.array([-1], np.int8)
    tensors["u32"] = np.array([[7]], np.uint32)
    safetensors.numpy.save_file(tensors, theirs)
    subprocess.run([program, "copy_safetensors", theirs, copied], check=True)
    assert content(copied) == content(theirs), "a copied safetensors file differs"


def check_records(folder):
    records = list(tf.data.TFRecordDataset(folder + "/ours.tfrecord", compression_type="GZIP"))
    assert len(records) == 3
    for i, record in enumerate(records):
        example = tf.io.parse_single_example(
            record,
            {
                "image/encoded": tf.io.FixedLenFeature([], tf.string),
                "image/class/label": tf.io.FixedLenFeature([], tf.int64),
                "box": tf.io.FixedLenFeature([2], tf.float32),
            },
        )
        assert example["image/encoded"].numpy() == b"\xff" * i
        assert example["image/class/label"].numpy() == i - 1
        assert example["box"].numpy().tolist() == [0.5, i]


def main():
    program, netwright = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "write", folder], check=True)
        checks = [
            ("our checkpoint read by TensorFlow", check_bundle_read_by_tensorflow, []),
            ("our checkpoint equal to TensorFlow's, byte for byte", check_bundle_equals_tensorflows, []),
            ("TensorFlow's checkpoint of every type, copied by us", check_bundle_of_every_type, [program]),
            ("TensorFlow's partitioned variables, read by us", check_partitioned_bundle, [program]),
            ("our events read by TensorBoard", check_events, []),
            ("safetensors both ways", check_safetensors, [program]),
            ("our records read by TensorFlow", check_records, []),
            ("ImageNet's archives converted", check_data.check_converted_imagenet, [netwright]),
            ("made-up data read by TensorFlow", check_data.check_fake_data, [netwright]),
        ]
        for what, check, arguments in checks:
            check(folder, *arguments)
            print("ok:", what, flush=True)


if __name__ == "__main__":
    main()
