# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# 'softisp live' from vivid by every kind of buffer; host/capture.py says whether the pictures are right.
. "$SOURCE/tests/vm/guest/lib.sh"
vivid=$(node vivid)
many=$(node vivid 2)
still_picture "$vivid"
still_picture "$many"
# By default it stamps frames with an end that is still to come.
v4l2-ctl -d "$vivid" -c timestamp_source=1

# live NAME NODE FORMAT OPTIONS: its raws, pictures, records and figures in OUT/NAME.
live() {
    # What an emulated CPU does in time: the bits are those of any instruction set and team. Where others take the
    # CPU's time the floor makes all pictures, which 'develop' does not make again: then again, slower.
    for fps in 4 2 1; do
        rm -rf "${OUT:?}/$1"
        mkdir -p "$OUT/$1/raw"
        "$SOFTISP" live --camera "v4l2:$2,$4" --raw-format "$3" --size 320x180 --fps $fps --frames 3 --isa base \
            --threads 1 --raw "$OUT/$1/raw" --preview "$OUT/$1/p.y4m" --preview-size 160x90 \
            --telemetry "$OUT/$1/t.csv" --json >"$OUT/$1/figures.json" 2>"$OUT/$1/stderr.txt"
        echo $? >"$OUT/$1/code"
        ! grep -q 'FastISP,delivered' "$OUT/$1/t.csv" || return 0
    done
}

memories=
[ ! -e /dev/udmabuf ] || memories=udmabuf
[ ! -e /dev/dma_heap/system ] || memories="$memories dma-heap"
for format in RGGB:SRGGB8 RG10:SRGGB10 RG12:SRGGB12 RG16:SRGGB16; do
    fourcc=${format%:*}
    name=${format#*:}
    capture "$vivid" "$fourcc" 320x180 "$OUT/$name.raw" --stream-mmap=3
    live "$name-mmap" "$vivid" "$name" buffers=mmap
    live "$name-userptr" "$vivid" "$name" buffers=userptr
    for memory in $memories; do
        live "$name-$memory" "$vivid" "$name" "buffers=dmabuf,memory=$memory"
    done
done
live SRGGB10-many-mmap "$many" SRGGB10 buffers=mmap
[ ! -e /dev/udmabuf ] || live SRGGB10-many-udmabuf "$many" SRGGB10 buffers=dmabuf,memory=udmabuf
