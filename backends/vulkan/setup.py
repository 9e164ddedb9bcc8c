import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import addon

addon.setup("vulkan", "llamacffi_vulkan")
