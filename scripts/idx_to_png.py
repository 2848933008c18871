#!/usr/bin/env python3
"""Writes some images of an IDX file as PNG: idx_to_png.py IMAGES.gz LABELS.gz OUTPUT_FOLDER INDEX..."""
import gzip
import os
import struct
import sys
import zlib


def png(rows, width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b"".join(b"\0" + rows[y * width : (y + 1) * width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def main():
    images_path, labels_path, folder, *indices = sys.argv[1:]
    with gzip.open(images_path) as file:
        images = file.read()
    with gzip.open(labels_path) as file:
        labels = file.read()[8:]
    _, _, height, width = struct.unpack(">IIII", images[:16])
    os.makedirs(folder, exist_ok=True)
    for index in map(int, indices):
        begin = 16 + index * height * width
        with open(f"{folder}/test-{index}-label-{labels[index]}.png", "wb") as file:
            file.write(png(images[begin : begin + height * width], width, height))


main()
