"""Shows which parts of an image a network's answer depends on: saliency and Grad-CAM.

`saliency` and `grad_cam` take any network and an array; `explain_folder` takes a trained run and images on disk.
"""

from isthmus.explain.explain import explain_folder
from isthmus.explain.explainer import Explainer
from isthmus.explain.maps import grad_cam, saliency
from isthmus.explain.stages import Stage, decoder_stages

__all__ = ["Explainer", "Stage", "decoder_stages", "explain_folder", "grad_cam", "saliency"]
