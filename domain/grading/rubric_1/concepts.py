"""What words can mean in a proposed fix: shared concepts, and which choice of a field each concept stands for.

No entry belongs to a fault. A field that can be set has its choices here once, whatever faults exist.
"""

from __future__ import annotations

import re
from typing import Final

from domain.training.artifacts.code.names import public_names

_TRAIN = r"(?:x )?train(?:ing)?"
_KEEP_BY = r"persist\w*|sav(?:e|ed|ing)|stor(?:e|ed|ing)|load\w*|re ?us\w+|reproduc\w*|once|cach\w+|dump\w*|pickl\w+|serial\w+|freez\w+|frozen"
_SPLIT_PARTS = r"split|splits|indices|ids|index|partitions?|rows|train val test|membership|assignment"
_REFERS_TO = r"(?:\w+ ){0,3}?(?:holds?|gets?|from|be|contains?|shows?|reports|is|equals?|to|receives?|under|as|carr(?:y|ies)|assigned|taken from|fed by|come from)(?: (?!val|test)\w+){0,6}?"
_OWN_NAME = (
    rf"\bval(?:idation)? (?:acc\w* )?{_REFERS_TO} (?:m )?val(?:idation)?\b"
    rf"|\btest (?:acc\w* )?{_REFERS_TO} (?:m )?test\b"
    r"|\bval(?:idation)? (?:acc\w*|report) m val\b|(?<!report )\btest (?:acc\w*|report) m test\b"
)
_TAKEN = r"(?:comes?|coming|taken?|read|computed|measured|filled|fed) (?:from|on|by|with|over)(?: the)?"
CONCEPTS: Final[dict[str, re.Pattern[str]]] = {
    name: re.compile(pattern)
    for name, pattern in {
        "train_only": rf"\b(?:fit|fitted|fitting|transform|learn\w*|estimat\w*|comput\w*) {_TRAIN}\b"
        rf"|\b(?:re ?|over ?)sampl\w* (?:only )?(?:the )?{_TRAIN} (?:rows|split|set|data|part)\b"
        rf"|\b{_TRAIN} (?:\w+ )?(?:only|alone)\b|\b(?:only|solely|just|exclusively|purely) (?:on |from |with |using |to |in |see |sees )?(?:the )?{_TRAIN}\b"
        rf"|\b(?:on|from|with|using|see|sees|to|by) (?:just |only )?(?:the )?{_TRAIN} (?:rows?|split|set|data|portion|part|partition|fold|samples?|subset|examples|numeric|frame|features)\b"
        rf"|\b(?:on|from|using) (?:the )?{_TRAIN}(?= $| numeric)|\bafter (?:the |you |we )?(?:split\w*|train test split)\b|\bsplit (?:the data )?(?:first|before)\b|\b(?:inside|in|into|within|through|via) (?:an? |the )?(?:sklearn |scikit learn )?pipeline\b"
        rf"|\btrain numeric\b|\bpass(?:ed|ing)? {_TRAIN}\b|\b{_TRAIN} (?:\w+ ){{0,3}}passed\b|\bexclud\w+ (?:\w+ ){{0,4}}(?:val\w*|test)\b|\b(?:val\w*|test) (?:\w+ ){{0,4}}exclud\w+\b|^ (?:the )?{_TRAIN} (?:rows|split|set|data|portion|part)\b",
        "train_and_more": rf"\b{_TRAIN} (?:(?:set|data|rows|split|part|portion) )?(?:and|plus|together with|as well as|along with|with) (?:the )?(?:\w+ )?(?:val\w*|test\w*|held out|hold out)\b"
        r"|\bfit transform (?:on |to |for )?(?:the )?(?:val\w*|test\w*)\b",
        "val_and_test": r"\bfor (?:the )?val\w* and (?:the )?test\b|\bbetween val\w* and test\b",
        "pair": r"#|\bval\w*\b.*\btest\b|\btest\b.*\bval\w*\b|\b(?:them|two|both|assignments?|names?|keys?|tuple|reports?|back|each)\b",
        "other_pair": r"\btrain\w*\b|\blabels?\b|\bclass\w*\b|\bconfusion\b|\bsign\b|\bgap\b|\baccuracy on\b",
        "everything": r"\b(?:everything|all (?:the )?(?:rows|data|splits|samples|of the data)|(?:full|whole|entire|complete|combined) (?:data ?set|data|frame|table|df)|before (?:the )?split\w*)\b",
        "same": r"\b(?:same|identical\w*|single|shared?|sharing|re ?us\w+|consistent\w*|match\w*|align\w*|unif\w+|agree\w*|persist\w*|sav(?:e|ed|ing)|stor(?:e|ed|ing)|load\w*|pin(?:ned|ning)?|freez\w+|frozen|reproduc\w*|synchroni\w+|in sync|bundl\w+|export\w*|original|default|once|follow\w*|as in|like in|(?:used|learned|created|built|seen|fitted|saved) (?:in|at|during|for|by|when)|(?:was|is|were) (?:also )?trained|from (?:the )?training|of (?:the )?training|trained with|train(?:ing)? (?:uses|used|time)|(?:one|single) (?:\w+ )?#|(?:use|uses|using|take|takes|apply|through|by|with) (?:the )?train(?:ing)? (?:one|tokenizer|tokeniser|order|mapping|list|#))(?= )",
        "training": rf"\b{_TRAIN}\b|\btrained\b|\bclasses\b|\bboth\b|\bseed\b|\bacross\b|\beverywhere\b|\bpipelines\b|\bfitting\b|\bmodel (?:was|had been)\b|\bbetween (?:the )?two\b",
        "fixed": r"\bseed\w* (?:\w+ ){0,2}(?:identical\w*|alike|the same)\b|\b(?:same|shared?|identical|training|train|original) (?:\w+ )?(?:seed|random state|#|split|splits)\b"
        rf"|\b(?:{_SPLIT_PARTS})\b.*\b(?:same|{_KEEP_BY})\b|\b(?:same|{_KEEP_BY})\b.*\b(?:{_SPLIT_PARTS})\b",
        "fresh": r"\b(?:different|another|new|fresh|separate|own|second|independent) (?:\w+ )?(?:seed|split|state|draw|#)\b|\bnone\b",
        "sorted": r"\b(?:sorted|alphabetical\w*|lexicograph\w*|sort)\b",
        "reversed": r"\brevers\w+\b",
        "other": r"\b(?:different|another|new|separate|own|second|custom|independent|before|previous|older|oldest|roll\w* back|downgrad\w*)\b|\bmake (?:the )?training\b|\btraining (?:to )?use\b|\btraining (?:\w+ ){0,2}as (?:in |at )?(?:the )?eval\w*",
        "exchange": r"\b(?:un ?)?(?:swap\w*|exchang\w*|interchang\w*|switch\w*|flip\w*|revers\w*|uncross\w*|crossed|crosswise)\b|\bother way (?:a?round)\b|\bvice versa\b|\bright way (?:a?round)\b|\beach other\b|\bback (?:in|to) (?:place|order)\b",
        "own_name": _OWN_NAME
        + r"|\b(?:correct|right|proper|matching|own) (?:key|keys|name|names|split|splits|label|labels|slot|slots|field|fields|entry|entries)\b",
        "from_val": rf"\b{_TAKEN} (?:m )?val(?:idation)?\b",
        "from_test": rf"\b{_TAKEN} (?:m )?test\b",
        "eval_mode": r"\beval(?:uation)?\b|\binference\b|\b(?:disabl\w+|turn\w* off|switch\w* off|without) dropout\b",
        "train_mode": r"\btrain(?:ing)? mode\b",
        "by_customer": r"\bcustomer\w*\b|\bgroup\w*\b",
        "by_row": r"(?<!split )\brow\w*\b|\bnone\b",
        "rest": r"\b(?:rest|remain\w*|left ?over|what is left|non test)\b",
        "whole_frame": r"\bdf\b|\bwhole\b|\bfull\b|\beverything\b",
        "reuse": r"\b(?:re ?us\w+|same|fitted|already|existing|transform only|only transform|training|train (?:scaler|means?|std|statistics|#))(?= )",
        "refit": r"\b(?:re ?fit\w*|fit transform|new scaler|separate scaler|own scaler)\b",
        "unscaled": r"\b(?:raw|unscaled|skip|without scaling)\b",
        "median": r"\bmedians?\b",
        "mean": r"\bmeans?\b|\baverage\b",
        "sentinel": r"\b999\b|\bsentinel\b",
        "cross_fit": r"\bcross (?:fit\w*|validat\w*)\b|\bout of fold\b|\boof\b|\bcv\b|\bfolds?\b",
        "in_sample": r"\bin sample\b",
        "drop": r"\b(?:drop|remov\w+|exclud\w+|omit\w*|delet\w+|discard\w*|get rid of|leav\w+ (?:[\w#]+ ){0,3}out|(?:has|have|needs?|must|should|ought) (?:to )?(?:go|be gone)|tak\w+ (?:[\w#]+ ){0,3}out)\b",
        "keep_column": r"\b(?:includ\w+|add\w*)\b",
        "val_rows": r"\bval(?:idation)?\b",
        "test_rows": r"\btest\b",
        "train_rows": r"\btrain(?:ing)?\b",
        "enable": r"\b(?:true|enabl\w+|(?:turn|switch)\w* (?:[\w#]+ ){0,3}on|on(?= (?:again )?$)|yes|add|restor\w+|(?:put|bring)\w* (?:[\w#]+ ){0,3}back)\b",
        "disable": r"\b(?:false|disabl\w+|(?:turn|switch)\w* (?:[\w#]+ ){0,3}off|off|remov\w+|no)\b",
        "scaled": r"\b(?:standardi[sz]\w*|scal(?:e|ed|ing)|normali[sz]\w*)\b",
        "mixed": r"\b(?:re ?shuffl\w+|shuffl(?:e|ed|ing) (?:the|each|every|all|rows|train\w*)|random\w*|permut\w+|mixed|be (?:re ?)?shuffled)\b",
        "he": r"\b(?:he|kaiming|random\w*)\b",
        "xavier": r"\b(?:xavier|glorot)\b",
        "constant": r"\b(?:constants?|zeros?|same value)\b",
        "logits": r"\blogits?\b|\b(?:remov\w+|drop|without|no) (?:the )?softmax\b|\btak\w+ (?:\w+ ){0,2}softmax (?:off|away|out)\b|\blinear output\b",
        "best": r"\bbest\b",
        "first": r"\bfirst\b",
        "last": r"\blast\b|\bfinal\b",
    }.items()
}

TRAIN_OR_ALL: Final = (("train_only", "train"), ("everything", "all"))
AS_TRAINING: Final = "as training"
"""Stands for whatever the training side of the pipeline uses."""
OPPOSITE: Final = "opposite"
"""Stands for the other choice than the current one."""

NULL: Final = "null"
"""The value null of a nullable number."""
TO_NULL: Final = re.compile(
    r"\b(?:null|none|nil|unset|disabl\w+|remov\w+|delet\w+|(?:turn|switch)\w* (?:\w+ ){0,3}off|without)\b"
)

Choices = tuple[tuple[str, str | bool], ...]
FIELD_CONCEPTS: Final[dict[str, Choices]] = {
    "StandardScaler.fit_transform": TRAIN_OR_ALL,
    "TargetEncoder.fit": TRAIN_OR_ALL,
    "SelectKBest.fit": TRAIN_OR_ALL,
    "RandomOverSampler.fit_resample": TRAIN_OR_ALL,
    "train_test_split.random_state": (("fixed", "SEED"), ("fresh", "None")),
    "train_test_split.groups": (("by_customer", "customer_id"), ("by_row", "None")),
    "train_test_split.arrays": (("rest", "rest"), ("whole_frame", "df")),
    "StandardScaler.transform": (("reuse", "reuse"), ("refit", "refit"), ("unscaled", "skip")),
    "StandardScaler.enabled": (("enable", True), ("scaled", True), ("disable", False)),
    "SimpleImputer.fill_value": (("median", "median"), ("mean", "mean"), ("sentinel", "-999")),
    "TargetEncoder.cv": (("cross_fit", "5"), ("in_sample", "None")),
    "feature_columns.resolution_code": (("drop", "drop"), ("keep_column", "keep")),
    "feature_columns.order": (("same+training", "training"), ("sorted", "sorted")),
    "labels.sort_index": (("drop", False), ("disable", False), ("same", False), ("enable", True)),
    "LabelEncoder.fit_order": (("same+training", "training"), ("sorted", "sorted"), ("reversed", "reversed")),
    "tokenizer.version": (("same+training", AS_TRAINING),),
    "tokenizer.train_version": (),
    "evaluate.val_loader": (("val_rows", "val"), ("test_rows", "test")),
    "evaluate.test_loader": (("test_rows", "test"), ("val_rows", "val"), ("train_rows", "train")),
    "model.eval": (("eval_mode", "eval"), ("train_mode", "train")),
    "metrics.val_accuracy": (
        ("exchange+pair", OPPOSITE),
        ("own_name", "validation"),
        ("from_val", "validation"),
        ("from_test", "test"),
    ),
    "metrics.test_accuracy": (
        ("exchange+pair", OPPOSITE),
        ("own_name", "test"),
        ("from_val", "validation"),
        ("from_test", "test"),
    ),
    "model.bias": (("enable", True), ("disable", False)),
    "training.shuffle": (("enable", True), ("mixed", True), ("disable", False)),
    "model.init": (("he", "he"), ("xavier", "xavier"), ("constant", "constant")),
    "model.output_activation": (("logits", "logits"),),
    "evaluation.checkpoint": (("best", "best"), ("first", "first"), ("last", "last")),
}

DIRECTIVE: Final = re.compile(
    r"^ (?:please |just |simply |then |also |and |i would |we should )*(?:set|use|change|lower|reduc\w+|decreas\w+|increas\w+|rais\w+|switch|make|pass|pin|bring|restor\w+|revert|drop|cut|shrink|divid\w+|fit|fix|add|replac\w+|swap|put|turn|disabl\w+|enabl\w+|try|pick|choos\w+|select|keep|move|scal\w+|load|reus\w+|share|hold|split|train|evaluate|encode|have|let|call|give|score|watch|report|index|standardi[sz]e|normali[sz]e|impute|fill|(?:re ?|over ?)sample|initiali[sz]e)\b"
    r"|\b(?:should|must|ought|needs? to|has to|have to|would|recommend\w*|suggest\w*|propos\w+|fix is|remedy is|set|change|lowering|reducing|setting|changing|raising|switching)\b"
)
"""A clause that requests something, rather than describing what was observed."""

SORT_REQUEST: Final = re.compile(r"^ (?:please |just )?sort\b|\balphabetical\w*\b")
"""A request for an order of its own, whatever it names beside."""

OPTIONAL: Final = re.compile(
    r"\b(?:optional\w*|could (?:also )?be|one could|may also|might also|safety net|nice to have|not (?:strictly )?(?:required|necessary)|if (?:needed|necessary|desired)|would (?:only|merely|not|just)|does not (?:help|need)|doesn t (?:help|need)|mask)\b"
)


def _any_name(canonical: str) -> str:
    return rf"\b(?:{'|'.join(public_names(canonical))})\b"


IDENTIFIERS: Final[dict[str, tuple[re.Pattern[str], str]]] = {
    "LabelEncoder.fit_order": (
        re.compile(
            rf"(?<!sorted\()(?<!reversed\()(?<!list\()(?:{_any_name('CLASSES')}(?!\s*\[)|{_any_name('train_labels')})"
        ),
        "training",
    ),
    "tokenizer.version": (re.compile(_any_name("TOKENIZER_TRAIN")), AS_TRAINING),
    "feature_columns.order": (re.compile(_any_name("NUMERIC")), "training"),
    "train_test_split.random_state": (re.compile(rf"{_any_name('SEED')}(?!\s*[-+*])"), "SEED"),
}
"""Constants of preprocessing.py, as written there, and the choice that is the value of each."""

COMMON_WORDS: Final = frozenset(
    {"train", "test", "val", "validation", "all", "best", "first", "last", "rest", "drop", "keep", "mean"}
)
"""Choices that are everyday words: they count only where they are assigned."""

CANCELLED_BY: Final[dict[str, str]] = {
    "same+training": "other",
    "train_only": "train_and_more",
    "exchange+pair": "other_pair",
    "fixed": "val_and_test",
    "he": "xavier",
}
"""A concept to the one that cancels it where both are stated of the same field."""

DOWN: Final = re.compile(
    r"\b(?:reduc\w*|lower\w*|decreas\w*|small\w*|shrink\w*|drop\w*|cut\w*|halv\w*|down|less|fewer|dial\w* back"
    r"|below|too (?:high|large|big|aggressive)|(?:far|much|way) (?:too )?(?:high|large|big))\b"
)
UP: Final = re.compile(
    r"\b(?:increas\w*|rais\w*|larger|bigger|higher|grow\w*|doubl\w*|tripl\w*|bump\w*|up|enlarg\w*|expand\w*|beyond|too (?:low|small))\b"
)
KEEP: Final = re.compile(
    r"\b(?:no changes?|unchanged|as (?:it|they) (?:is|are)|as is|stay\w*|untouched|(?:looks?|is|are|seems?|appears?) (?:fine|normal|ok|okay|correct|healthy|reasonable)"
    r"|need\w* no|keep\w*(?! (?:about |only |just )?\d)(?! (?:\w+ ){0,6}(?:same|align\w*|together|in (?:the )?order|in sync|consistent)\b)|leav\w+(?! (?:\w+ ){0,3}out\b)|left (?:alone|as)|irrelevant|unrelated|at present|currently|right now|not (?:to blame|the (?:cause|problem|issue)))\b"
)
