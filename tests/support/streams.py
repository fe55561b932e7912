# SPDX-License-Identifier: BSD-2-Clause
"""A body of the members that recordings and live streams share."""

STREAM = {
    "width": 1280,
    "height": 720,
    "fps": 30,
    "videoBitrate": 3000,
    "audioBitrate": 128,
    "minIdleTimeOut": 60,
    "maxDuration": 900,
    "backgroundColor": "#00ff00",
    "instanceId": "c3df927c-f738-4471-a2b7-066fa7e95a6b",
    "layout": {"preset": "portrait", "variant": "inset", "max_cam_streams": 3},
}
