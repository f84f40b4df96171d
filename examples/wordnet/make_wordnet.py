#!/usr/bin/env python3
"""Makes documents.jsonl.gz, vectors.jsonl.gz and edges.jsonl.gz: 10 000 synsets of WordNet 3.0 as
request lines for `stator send`. README.md says where the two inputs come from.

    make_wordnet.py GRAPH_DIR VECTOR_DIR OUT_DIR

GRAPH_DIR   nodes.tsv.gz (id, lexicographer file, synset type, words, gloss) and
            edges.tsv.gz (source id, label, target id, word numbers)
VECTOR_DIR  base.f16 and query.f16 (128 float16 a row) with *_synset.u32 and *_pos.u8
            (0 noun, 1 verb, 2 adjective, 3 adverb) naming the synset of each row

The same inputs give the same bytes. Python 3 standard library only.
"""
import base64
import collections
import gzip
import json
import pathlib
import struct
import sys

SYNSETS = 10_000
ROWS_PER_REQUEST = 200
DIMS = 128
COLLECTION = "wordnet"
POS = {"n": "noun", "v": "verb", "a": "adjective", "r": "adverb"}
# Lexicographer files 0..44, lexnames(5WN).
LEXFILES = """adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute
noun.body noun.cognition noun.communication noun.event noun.feeling noun.food noun.group
noun.location noun.motive noun.object noun.person noun.phenomenon noun.plant noun.possession
noun.process noun.quantity noun.relation noun.shape noun.state noun.substance noun.time
verb.body verb.change verb.cognition verb.communication verb.competition verb.consumption
verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social
verb.stative verb.weather adj.ppl""".split()
# Where the walk through the graph begins: the first sense of everyday words.
START = """
n02084071 dog         n02121620 cat         n02374451 horse      n01503061 bird
n02512053 fish        n02159955 insect      n13104059 tree       n11669921 flower
n13134947 fruit       n07707451 vegetable   n07679356 bread      n07649854 meat
n07850329 cheese      n07929519 coffee      n07891726 wine       n07573696 meal
n03544360 house       n03619890 kitchen     n03405725 furniture  n03221720 door
n03051540 clothing    n04199027 shoe        n02958343 car        n02834778 bicycle
n02858304 boat        n02691156 airplane    n04468005 train      n04096066 road
n02898711 bridge      n08524735 city        n09411430 river      n09359803 mountain
n09426788 sea         n09316454 island      n11501381 rain       n11525955 wind
n09450163 sun         n05216365 body        n05564590 hand       n05311054 eye
n14070360 disease     n03540595 hospital    n10020890 doctor     n10694258 teacher
n08276720 school      n09917593 child       n08078020 family     n10112591 friend
n07020895 music       n03467517 guitar      n07048000 song       n06410904 book
n00455599 game        n00523513 sport       n13384557 money      n00021265 food
n04451818 tool        n03623556 knife       n03082979 computer   n04401088 telephone
n02942699 camera      n03046257 clock       n04956594 color      n15155220 day
n15237782 winter      n07543288 love        n07519253 fear       n00973077 war
n08438533 forest      n03417345 garden      n14845743 water      n02109256 Seeing_Eye_dog
v01904948 walk        v01926329 run         v01168486 eat        v01170070 drink
v02129307 see         v00942008 speak       v01931786 guide      v00829125 teach
v01665656 cook        v01654646 build       v01072967 play       v01731049 sing
v00014742 sleep       v02316886 give        v02207224 buy        v01698289 write
v02547586 help        v00594621 know        a01382086 large      a01391351 small
a01123148 good        a01125429 bad         a01247240 hot        a01251128 cold
a01148283 happy       a02158827 blind       a00681930 deaf       a00976508 fast
a01646941 young       a01643620 old         a00381097 red
"""
# The walk does not follow these: they join a topic with all that is ever said about it, and a kind
# of place or person with every one that has a name.
NOT_WALKED = {"instance_hyponym", "instance_hypernym",
              "domain_topic", "domain_region", "domain_usage",
              "member_of_domain_topic", "member_of_domain_region", "member_of_domain_usage"}


def read_nodes(folder):
    nodes = {}
    with gzip.open(folder / "nodes.tsv.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            node, lexfile, _, words, gloss = line.rstrip("\n").split("\t")
            nodes[node] = (LEXFILES[int(lexfile)], words.split(" "), gloss)
    return nodes


def read_edges(folder):
    """(source, label) -> targets; sorted, no duplicates, no loops."""
    edges = set()
    with gzip.open(folder / "edges.tsv.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            source, label, target = line.split("\t")[:3]
            if source != target:
                edges.add((source, label, target))
    return sorted(edges)


def read_vectors(folder):
    """Synset id -> the float16 row, as it stands in the file."""
    vectors = {}
    for part in ("base", "query"):
        rows = (folder / f"{part}.f16").read_bytes()
        offsets = (folder / f"{part}_synset.u32").read_bytes()
        for row, pos in enumerate((folder / f"{part}_pos.u8").read_bytes()):
            offset = struct.unpack_from("<I", offsets, row * 4)[0]
            width = DIMS * 2
            vectors[f"{'nvar'[pos]}{offset:08d}"] = rows[row * width:(row + 1) * width]
    return vectors


def start_ids(nodes):
    words = START.split()
    for node, word in zip(words[::2], words[1::2]):
        assert word in nodes[node][1], f"{node} is not '{word}'"
    return words[::2]


def choose(nodes, edges, vectors):
    """Breadth first from START; of a level, what touches the chosen set most comes first. With a
    synset come its hypernyms up to the root, so that every chain is whole."""
    parents, neighbours = collections.defaultdict(list), collections.defaultdict(list)
    for source, label, target in edges:
        if label in ("hypernym", "instance_hypernym"):
            parents[source].append(target)
        if label not in NOT_WALKED:
            neighbours[source].append(target)
    chosen = set()

    def add(node):
        todo = [node]
        while todo:
            node = todo.pop()
            if node not in chosen:
                chosen.add(node)
                todo += parents[node]

    for node in start_ids(nodes):
        add(node)
    while True:
        links = collections.Counter(target for source in chosen for target in neighbours[source]
                                    if target not in chosen and target in vectors)
        for node, _ in sorted(links.items(), key=lambda item: (-item[1], item[0])):
            if len(chosen) >= SYNSETS:
                return sorted(chosen), parents
            add(node)


def depth_of(node, parents, known):
    """Steps to the nearest root along hypernyms."""
    if node not in known:
        above = [depth_of(parent, parents, known) for parent in parents[node]]
        known[node] = 1 + min(above) if above else 0
    return known[node]


def write(path, requests):
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        for request in requests:
            text = json.dumps(request, ensure_ascii=False, separators=(",", ":"))
            out.write(text.encode("utf-8") + b"\n")


def batches(op, field, rows, **more):
    for begin in range(0, len(rows), ROWS_PER_REQUEST):
        yield {"op": op, "collection": COLLECTION, **more,
               field: rows[begin:begin + ROWS_PER_REQUEST]}


def main(graph, vector, out):
    graph, vector, out = pathlib.Path(graph), pathlib.Path(vector), pathlib.Path(out)
    nodes, edges, vectors = read_nodes(graph), read_edges(graph), read_vectors(vector)
    chosen, parents = choose(nodes, edges, vectors)
    inside, depths = set(chosen), {}

    documents = []
    for node in chosen:
        lexfile, words, gloss = nodes[node]
        data = {"words": [word.replace("_", " ") for word in words], "gloss": gloss,
                "pos": POS[node[0]], "lexfile": lexfile,
                "depth": depth_of(node, parents, depths)}
        documents.append({"document_id": node, "data": data})
    # float16 widened to float32 is exact, and compresses to little more than float16.
    embedded = [{"document_id": node, "vector": base64.b64encode(
        struct.pack(f"<{DIMS}f", *struct.unpack(f"<{DIMS}e", vectors[node]))).decode()}
        for node in chosen if node in vectors]
    linked = [{"from_node": source, "to_node": target, "edge_type": label}
              for source, label, target in edges if source in inside and target in inside]

    indexes = [{"op": "index_create", "collection": COLLECTION, "path": path}
               for path in ("lexfile", "depth")]
    write(out / "documents.jsonl.gz", indexes + list(batches(
        "document_batch_insert", "documents", documents, on_conflict="replace")))
    write(out / "vectors.jsonl.gz",
          batches("vector_batch_upsert", "vectors", embedded, metric="cosine"))
    write(out / "edges.jsonl.gz", batches("edge_batch_put", "edges", linked))
    print(f"{len(documents)} documents, {len(embedded)} vectors, {len(linked)} edges")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
