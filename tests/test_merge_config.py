"""mergekit's YAML, read and written: what it says, what holds for which tensor, and what is refused."""

import pytest
import yaml

from training.merging.layers import Layers
from training.merging.merge_config import merge_config, merge_yaml, read_merge_config
from training.training_errors import MergeConfigError

NAMES = ["model.embed_tokens.weight", "model.norm.weight"] + [
    f"model.layers.{n}.{part}.weight" for n in range(5) for part in ("self_attn.q_proj", "mlp.up_proj")
]

TIES = {
    "merge_method": "ties",
    "base_model": "org/base",
    "models": [
        {"model": "org/base"},
        {"model": "org/one", "parameters": {"weight": 0.6, "density": [0.1, 0.9]}},
        {"model": "org/two", "parameters": {"weight": [{"filter": "mlp", "value": [0, 1]}, {"value": 0.4}]}},
    ],
    "parameters": {"normalize": False, "density": 0.5},
    "dtype": "bfloat16",
}

SLERP = {
    "merge_method": "slerp",
    "base_model": "org/one",
    "slices": [
        {"sources": [{"model": "org/one", "layer_range": [0, 2]}, {"model": "org/two", "layer_range": [0, 2]}]},
        {
            "sources": [{"model": "org/one", "layer_range": [2, 5]}, {"model": "org/two", "layer_range": [2, 5]}],
            "parameters": {"t": [0.2, 0.8]},
        },
    ],
    "parameters": {"t": [{"filter": "self_attn", "value": 0.3}, {"value": 0.5}]},
}


def parameters(values, tensor):
    return Layers(merge_config(values), NAMES).parameters(tensor)


def test_a_configuration_says_method_base_models_and_type():
    config = merge_config(TIES)
    assert (config.method, config.base_model, config.models) == ("ties", "org/base", ("org/one", "org/two"))
    assert config.inputs == ("org/base", "org/one", "org/two")
    assert config.dtype == "bfloat16"


def test_out_dtype_goes_before_dtype():
    assert merge_config({**TIES, "out_dtype": "float16"}).dtype == "float16"


def test_a_gradient_goes_in_straight_lines_from_the_first_layer_to_the_last():
    found = [parameters(TIES, f"model.layers.{n}.self_attn.q_proj.weight")[0][0]["density"] for n in range(5)]
    assert found == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert parameters(TIES, "model.embed_tokens.weight")[0][0]["density"] == 0.1
    assert parameters(TIES, "model.norm.weight")[0][0]["density"] == 0.1  # as in mergekit: no layer, first value


def test_the_first_filter_that_fits_a_name_holds_and_its_value_may_be_a_gradient():
    assert [parameters(TIES, f"model.layers.{n}.mlp.up_proj.weight")[0][1]["weight"] for n in (0, 2, 4)] == [0, 0.5, 1]
    assert parameters(TIES, "model.layers.4.self_attn.q_proj.weight")[0][1]["weight"] == 0.4


def test_what_a_model_does_not_say_is_said_for_all_or_is_the_methods_default():
    own, shared = parameters(TIES, "model.layers.0.mlp.up_proj.weight")
    assert own[1]["density"] == 0.5
    assert shared == {"normalize": False, "lambda": 1.0, "rescale": False, "int8_mask": False}


def test_a_slice_goes_before_the_whole_and_has_gradients_of_its_own():
    found = [parameters(SLERP, f"model.layers.{n}.self_attn.q_proj.weight")[1]["t"] for n in range(5)]
    assert found == pytest.approx([0.3, 0.3, 0.2, 0.5, 0.8])


def test_numbers_in_scientific_notation_are_numbers_although_yaml_reads_text():
    values = yaml.safe_load("{merge_method: linear, models: [{model: a, parameters: {weight: 1e-3}}, {model: b}]}")
    assert values["models"][0]["parameters"]["weight"] == "1e-3"
    values["parameters"] = {"weight": 1}
    assert parameters(values, "model.norm.weight")[0] == ({"weight": 0.001}, {"weight": 1.0})


@pytest.mark.parametrize("values", [TIES, SLERP])
def test_what_is_written_reads_as_the_same(values, tmp_path):
    (tmp_path / "merge.yaml").write_text(merge_yaml(merge_config(values)))
    assert read_merge_config(tmp_path / "merge.yaml") == merge_config(values)


def changed(values, **more):
    return {key: value for key, value in {**values, **more}.items() if value is not None}


LINEAR = {"merge_method": "linear", "models": [{"model": m, "parameters": {"weight": 1}} for m in "ab"]}
ONE_SLICE = SLERP["slices"][:1]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (changed(TIES, merge_metod="ties"), "has the key 'merge_metod', expected one of models, slices"),
        (changed(TIES, merge_method="tise"), "merge_method is 'tise', expected one of linear, slerp"),
        (changed(TIES, merge_method=["ties"]), "merge_method is ['ties'], expected one of"),
        (changed(TIES, models=None), "models and slices, or neither"),
        (changed(TIES, slices=ONE_SLICE), "models and slices, or neither"),
        (changed(TIES, models=[]), "models is [], expected a list"),
        (changed(TIES, models=[{"modell": "a"}]), "models[0] has the key 'modell', expected one of model, parameters"),
        (changed(TIES, models=[{"model": None}]), "models[0].model is missing"),
        (changed(TIES, models=[{"model": "org/a+org/lora"}]), "merge the adapter into its base first"),
        (changed(TIES, base_model=None), "base_model is missing, expected the model that ties starts from"),
        (changed(TIES, models=[{"model": "org/base"}]), "ties has 0 models besides the base, expected 1 or more"),
        (changed(LINEAR, base_model="c"), "base_model is c, which is not among the models"),
        (changed(LINEAR, models=[{"model": "a"}, {"model": "a"}]), "a is listed twice"),
        (changed(SLERP, models=TIES["models"], slices=None), "models[1].parameters has the key 'weight'"),
        (changed(TIES, parameters={"dencity": 0.5}), "parameters has the key 'dencity', expected one of density"),
        (changed(TIES, parameters={"density": 1.5}), "parameters.density is 1.5, expected a number from 0 to 1"),
        (changed(TIES, parameters={"density": "half"}), "parameters.density is 'half', expected a number"),
        (changed(TIES, parameters={"density": True}), "parameters.density is True, expected a number"),
        (changed(TIES, parameters={"density": []}), "parameters.density is an empty list"),
        (changed(TIES, parameters={"density": [0.1, "x"]}), "parameters.density[1] is 'x'"),
        (changed(TIES, parameters={"density": [{"value": 1}, 2]}), "parameters.density[1] is 2, expected a mapping"),
        (changed(TIES, parameters={"density": {"filter": "mlp"}}), "parameters.density[0] has no value"),
        (changed(TIES, parameters={"normalize": 1}), "parameters.normalize is 1, expected true or false"),
        (changed(TIES, parameters={"rescaling": "norm"}), "parameters has the key 'rescaling'"),
        (changed(TIES, dtype="int8"), "dtype is 'int8', expected one of bfloat16, float16, float32"),
        (changed(TIES, seed=-1), "seed is -1, expected a whole number"),
        (changed(TIES, untie="yes"), "untie is 'yes', expected true or false"),
        (changed(TIES, tokenizer_source="union"), "tokenizer_source is 'union', expected 'base' or one of the models"),
        (changed(TIES, tokenizer={"source": "base", "tokens": {}}), "tokenizer has the key 'tokens'"),
        (changed(TIES, tokenizer={"source": "base"}, tokenizer_source="base"), "tokenizer and tokenizer_source"),
        (["ties"], "the configuration is ['ties'], expected a mapping"),
    ],
)
def test_what_is_wrong_is_told_with_key_value_and_expectation(values, told):
    with pytest.raises(MergeConfigError) as error:
        merge_config(values)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (changed(TIES, parameters={"density": [0.1] * 6}), "density has 6 values for 5 layers, expected 1 to 5"),
        (changed(SLERP, slices=ONE_SLICE), "slices take the layers [0, 2], expected all 5 once and in order"),
        (changed(SLERP, slices=SLERP["slices"][::-1]), "slices take the layers [2, 5], [0, 2], expected all 5 once"),
    ],
)
def test_what_does_not_fit_the_layers_of_the_models_is_told(values, told):
    with pytest.raises(MergeConfigError) as error:
        Layers(merge_config(values), NAMES)
    assert told in str(error.value)


def test_a_gradient_longer_than_its_slice_is_told():
    second = {**SLERP["slices"][1], "parameters": {"t": [0.1, 0.2, 0.3, 0.4]}}
    with pytest.raises(MergeConfigError, match="t has 4 values for 3 layers"):
        Layers(merge_config(changed(SLERP, slices=[SLERP["slices"][0], second])), NAMES)


def test_slices_of_unlike_layers_are_mergekits_passthrough_and_refused():
    sources = [{"model": "org/one", "layer_range": [0, 5]}, {"model": "org/two", "layer_range": [1, 6]}]
    with pytest.raises(MergeConfigError, match=r"different layers of its models \(\(0, 5\), \(1, 6\)\).*passthrough"):
        merge_config(changed(SLERP, slices=[{"sources": sources}]))


def test_a_weight_that_nobody_gives_is_told_with_model_and_tensor():
    values = changed(LINEAR, models=[{"model": "a", "parameters": {"weight": 1}}, {"model": "b"}])
    with pytest.raises(MergeConfigError, match=r"weight of b is missing for model\.norm\.weight"):
        parameters(values, "model.norm.weight")


def test_a_filter_that_fits_no_tensor_is_noted():
    values = changed(TIES, parameters={"density": [{"filter": "self_atn", "value": 0.1}, {"value": 0.2}]})
    assert Layers(merge_config(values), NAMES).unused() == ["the filter 'self_atn' is in no tensor's name"]


@pytest.mark.parametrize(("text", "told"), [("a: [", "is not valid YAML"), ("", "the configuration is None")])
def test_a_file_that_holds_no_configuration_is_told(text, told, tmp_path):
    (tmp_path / "merge.yaml").write_text(text)
    with pytest.raises(MergeConfigError, match=told):
        read_merge_config(tmp_path / "merge.yaml")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MergeConfigError, match="cannot read"):
        read_merge_config(tmp_path / "none.yaml")
