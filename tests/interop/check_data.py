"""Checks of data sets that `netwright data` wrote, with TensorFlow and CPython: called by check_formats.py."""

import glob
import io
import math
import os
import random
import subprocess
import tarfile

import numpy as np
import tensorflow as tf

GOLDEN = os.environ.get("NETWRIGHT_GOLDEN") or os.path.join(os.path.dirname(__file__), "../../../shared/golden")
CMYK = os.path.join(GOLDEN, "augmentation/jpeg/coffee_cmyk.jpg")

FEATURES = {
    "image/height": tf.int64,
    "image/width": tf.int64,
    "image/channels": tf.int64,
    "image/class/label": tf.int64,
    "image/colorspace": tf.string,
    "image/format": tf.string,
    "image/class/synset": tf.string,
    "image/filename": tf.string,
    "image/encoded": tf.string,
}


def picture(rng, height, width, channels=3):
    """Noise that is smooth enough to be a photograph's."""
    coarse = rng.integers(0, 256, [height // 4 + 1, width // 4 + 1, channels])
    fine = coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width] + rng.integers(-9, 10, [height, width, channels])
    return fine.clip(0, 255).astype(np.uint8)


def jpeg(image):
    return tf.io.encode_jpeg(image).numpy()


def tar_of(files):
    """An archive of (name, bytes), in their order."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def make_images():
    """{synset: {name: bytes}} to train with, [(name, synset, bytes)] to evaluate with."""
    rng = np.random.default_rng(5)
    train = {}
    for index, synset in enumerate(["n02105855", "n01440764", "n13133613", "n01443537"]):
        train[synset] = {
            "%s_%d.JPEG" % (synset, number): jpeg(picture(rng, 20 + index, 30 + number, 1 if number == 7 else 3))
            for number in (7, 12, 103)
        }
    train["n02105855"]["n02105855_2933.JPEG"] = tf.io.encode_png(picture(rng, 33, 21)).numpy()
    if os.path.exists(CMYK):
        with open(CMYK, "rb") as file:
            train["n13133613"]["n13037406_4650.JPEG"] = file.read()
    validation = [
        ("ILSVRC2012_val_%08d.JPEG" % (i + 1), sorted(train)[i * i % 4], jpeg(picture(rng, 40, 24 + i)))
        for i in range(9)
    ]
    return train, validation


def write_archives(folder, train, validation):
    rng = random.Random(1)  # the archives' order must not matter
    classes = []
    for synset, images in train.items():
        files = list(images.items())
        rng.shuffle(files)
        classes.append((synset + ".tar", tar_of(files)))
    shuffled = [(name, content) for name, _, content in validation]
    rng.shuffle(shuffled)
    for name, content in (
        ("ILSVRC2012_img_train.tar", tar_of(classes)),
        ("ILSVRC2012_img_val.tar", tar_of(shuffled)),
        ("synset_labels.txt", "".join(synset + "\n" for _, synset, _ in validation).encode()),
    ):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


def stored_image(content):
    """What imagenet_to_gcs.py makes of an image file."""
    if content.startswith(b"\x89PNG"):
        return tf.io.encode_jpeg(tf.io.decode_png(content, channels=3), format="rgb", quality=100).numpy()
    image = tf.io.decode_jpeg(content, channels=0)
    cmyk = os.path.exists(CMYK) and content == open(CMYK, "rb").read()
    return tf.io.encode_jpeg(image, format="rgb", quality=100).numpy() if cmyk else content


def expect_shards(folder, part, shards, images, labels):
    """`images` [(name, synset, bytes)] must fill the shards in this order, ceil(n / shards) in each."""
    paths = [os.path.join(folder, "%s-%.5d-of-%.5d" % (part, shard, shards)) for shard in range(shards)]
    assert sorted(glob.glob(os.path.join(folder, part + "-*"))) == paths
    chunk = math.ceil(len(images) / shards)
    for shard, path in enumerate(paths):
        expected = images[shard * chunk : (shard + 1) * chunk]
        if not expected:
            assert os.path.getsize(path) == 0, path
            continue
        records = list(tf.data.TFRecordDataset(path))
        assert len(records) == len(expected), path
        for record, (name, synset, content) in zip(records, expected):
            keys = tf.train.Example.FromString(record.numpy()).features.feature.keys()
            assert keys == FEATURES.keys(), (path, sorted(keys))
            example = tf.io.parse_single_example(
                record, {key: tf.io.FixedLenFeature([], kind) for key, kind in FEATURES.items()}
            )
            values = {key: value.numpy() for key, value in example.items()}
            encoded = values.pop("image/encoded")
            original = stored_image(content)
            pixels = tf.io.decode_jpeg(original, channels=3).numpy()
            assert np.array_equal(tf.io.decode_jpeg(encoded, channels=3).numpy(), pixels), name
            assert encoded == content or original != content, name + " isn't stored as it is"
            assert values == {
                "image/height": pixels.shape[0],
                "image/width": pixels.shape[1],
                "image/channels": 3,
                "image/class/label": labels[synset],
                "image/colorspace": b"RGB",
                "image/format": b"JPEG",
                "image/class/synset": synset.encode(),
                "image/filename": name.encode(),
            }, (name, values)


def check_converted_imagenet(folder, netwright):
    source, target = os.path.join(folder, "imagenet"), os.path.join(folder, "imagenet_records")
    os.mkdir(source)
    train, validation = make_images()
    write_archives(source, train, validation)
    subprocess.run([netwright, "data", "convert", source, target], check=True, capture_output=True)
    labels = {synset: rank + 1 for rank, synset in enumerate(sorted(train))}
    files = [(name, synset, train[synset][name]) for synset in sorted(train) for name in sorted(train[synset])]
    random.seed(0)
    random.shuffle(files)
    expect_shards(target, "train", 1024, files, labels)
    expect_shards(target, "validation", 128, validation, labels)


def check_fake_data(folder, netwright):
    target = os.path.join(folder, "fake_records")
    words = ["--train_images=20", "--validation_images=5", "--classes=4", "--height=30", "--width=50"]
    subprocess.run([netwright, "data", "fake", target, *words], check=True, capture_output=True)
    counts = {1: 0, 2: 0, 3: 0, 4: 0}
    for record in tf.data.TFRecordDataset(sorted(glob.glob(target + "/train-*"))):
        example = tf.io.parse_single_example(
            record,
            {
                "image/encoded": tf.io.FixedLenFeature([], tf.string),
                "image/class/label": tf.io.FixedLenFeature([], tf.int64),
            },
        )
        assert tf.io.decode_jpeg(example["image/encoded"]).shape == (30, 50, 3)
        counts[int(example["image/class/label"])] += 1
    assert set(counts.values()) == {5}, counts
