"""Another library's input pipeline on the other side of a comparison: a process that makes batches when told to.

A line "K" on standard input makes K batches and answers with a line of JSON: {"seconds": ...}. One that is about to
start says what it is: {"peer": "..."}.

torchvision: ImageFolder and DataLoader with the transforms of its ImageNet recipe, in the main process, which on one
core is faster than a worker process. tensorflow: TFRecords through tf.data, preprocessed as EfficientNet's and
MnasNet's programs do: only the window is decoded. One thread each.
"""
import argparse
import json
import os
import pathlib
import sys
import time

MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)


def torchvision_batches(data, batch, size):
    import torch
    from timm_peer import import_timm
    torch.set_num_threads(1)
    holder = import_timm()
    import torchvision
    import PIL
    from torchvision import transforms
    transform = transforms.Compose([
        transforms.RandomResizedCrop(size, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([m / 255 for m in MEAN], [d / 255 for d in DEVIATION])])
    pictures = torchvision.datasets.ImageFolder(data, transform)
    loader = torch.utils.data.DataLoader(pictures, batch_size=batch, shuffle=True, drop_last=True, num_workers=0)

    def endless():
        while True:
            yield from loader

    return f"torchvision {torchvision.__version__}, Pillow {PIL.__version__}", endless(), holder


def tensorflow_batches(data, batch, size):
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    features = {"image/encoded": tf.io.FixedLenFeature((), tf.string, ""),
                "image/class/label": tf.io.FixedLenFeature([], tf.int64, -1)}

    def load(record):
        parsed = tf.io.parse_single_example(record, features)
        encoded = parsed["image/encoded"]
        shape = tf.io.extract_jpeg_shape(encoded)
        begin, extent, _ = tf.image.sample_distorted_bounding_box(
            shape, tf.constant([0.0, 0.0, 1.0, 1.0], shape=[1, 1, 4]), min_object_covered=0.1,
            aspect_ratio_range=(3 / 4, 4 / 3), area_range=(0.08, 1.0), max_attempts=10,
            use_image_if_no_bounding_boxes=True)
        window = tf.stack([begin[0], begin[1], extent[0], extent[1]])
        image = tf.image.decode_and_crop_jpeg(encoded, window, channels=3)
        image = tf.compat.v1.image.resize_bicubic([image], [size, size])[0]
        image = tf.image.random_flip_left_right(image)
        return (image - MEAN) / DEVIATION, tf.cast(parsed["image/class/label"], tf.int32) - 1

    files = tf.data.Dataset.list_files(str(pathlib.Path(data) / "train-*"), shuffle=True).repeat()
    records = files.interleave(lambda name: tf.data.TFRecordDataset(name, buffer_size=8 << 20), cycle_length=8)
    dataset = records.shuffle(256).map(load, num_parallel_calls=1).batch(batch, drop_remainder=True).prefetch(2)
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    options.deterministic = False
    return f"tensorflow {tf.__version__}", iter(dataset.with_options(options)), None


LIBRARIES = {"torchvision": torchvision_batches, "tensorflow": tensorflow_batches}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("data")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes elsewhere
    about, batches, holder = LIBRARIES[options.library](options.data, options.batch, options.size)
    print(json.dumps({"peer": about}), file=answers, flush=True)
    for line in sys.stdin:
        begin = time.perf_counter()
        for _ in range(int(line)):
            next(batches)
        print(json.dumps({"seconds": time.perf_counter() - begin}), file=answers, flush=True)
    del holder


if __name__ == "__main__":
    main()
