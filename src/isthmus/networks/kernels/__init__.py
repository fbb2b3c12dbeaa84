"""Everything that exists for speed or to save memory, each with its plain equivalent.

One switch, `isthmus.networks.plain` or the environment variable ``ISTHMUS_PLAIN=1``, replaces every kernel by its plain
equivalent, which consists of the framework's own layers and functions. Private names of the framework stand here and in
`isthmus.inference.engines.fused` only.

| file | kernel | plain equivalent | equal |
|---|---|---|---|
| `batch_norm` | `BatchNorm2d`, `BatchNorm3d` | ``nn.BatchNorm2d``, ``nn.BatchNorm3d`` | to rounding |
| `bfloat16.layers` | `Conv2d` and the others | ``nn.Conv2d`` and the others | to rounding |
| `checkpointing` | `checkpointed` | ``part(*inputs)`` | bit for bit |
| `concatenation` | `concatenate` | ``torch.cat`` | bit for bit |
| `instance_norm` | `InstanceNorm` | ``nn.functional.instance_norm`` | to rounding |
| `memory_layout` | `in_layout_of_weights` | the batch as it is | to rounding |
| `onednn`, `summed_convolutions` | `norm_relu_sum` | layers, and ``+`` | to rounding |
| `saved_activations` | `norm_relu` | ``torch.relu(norm(x))`` | as `batch_norm` |
| `saved_activations` | `relu_` | ``torch.relu_`` | bit for bit |
| `saved_activations` | `MaxPool2d`, `MaxPool3d` | ``nn.MaxPool2d``, ``nn.MaxPool3d`` | bit for bit |
| `symmetric_filter` | `filter_channels` | ``nn.functional.conv2d`` | result bit for bit |
"""
