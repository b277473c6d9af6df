"""The verbs by subject, each with its sentence in the help."""

from collections.abc import Mapping
from typing import Final

SUBJECTS: Final[Mapping[str, Mapping[str, str]]] = {
    "Recordings": {
        "list": "List Recordings.",
        "status": "Show one Recording: its state and why, what to do, artifacts, Events.",
        "watch": "Show Recordings while they change: a live table, with the speed of uploads.",
        "wait": "Wait until Recordings are complete, stored, failed or deleted.",
        "create": "Create a Recording: files to copy to object storage.",
        "upload": "Send a local file to the store, resumable and verified, as a Recording.",
        "add-artifact": "Add files to a Recording.",
        "refresh-url": "Set a fresh URL for a file whose URL has expired.",
        "retry": "Try failed Recordings again.",
        "cancel": "Abort the upload of Recordings.",
        "suspend": "Pause the upload of Recordings.",
        "resume": "Let suspended Recordings go on.",
        "move": "Move stored Recordings to another StorageLocation.",
        "delete": "Delete Recordings, with or without their stored objects.",
    },
    "Stored files": {
        "presign": "Print a URL with which anyone can download a stored file.",
        "download": "Download artifacts, in parallel, resumable and verified.",
        "cat": "Write an artifact to standard output.",
        "restore": "Restore artifacts from an archive storage class.",
    },
    "Costs": {
        "report": "Show what is stored and what it costs, from a StorageReport or a bucket.",
        "cost": "Show what an organisation costs in a period.",
    },
    "Installation": {
        "check": "Check whether everything is well: CRDs, operator, locations, Recordings.",
        "location": "List StorageLocations, show one, or check its store now.",
        "source": "List RecordingSources, or try one: which Recording a delivery would create.",
        "sink": "List EventSinks, or send a test event to one.",
        "import": "Create Recordings of files that a bucket or directory holds.",
        "rebuild": "Create the Recordings of a lost cluster again from the manifests in a store.",
        "bug-report": "Write a zip file for a bug report, without secrets.",
    },
    "This program": {
        "completion": "Complete the command line in bash, zsh and fish.",
        "version": "Show the versions of this program, the CRDs, the operator and the API server.",
    },
    "Processes and scripts": {
        "run": "Run the operator.",
        "receiver": "Receive the webhooks of providers, and create Recordings.",
        "console": "Serve the catalog of recordings over HTTP and in a browser.",
        "copy": "Copy one file from a URL to S3, with all checks of the operator.",
    },
}
PROCESSES: Final = SUBJECTS["Processes and scripts"]
"""`kubectl recordings` does not have these."""
VERBS: Final = {name: sentence for verbs in SUBJECTS.values() for name, sentence in verbs.items()}
