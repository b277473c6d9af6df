"""The engine decides: facts in, actions out. It has no thread, no clock and no libraries, and sends no requests.

    engine              receives facts, reconciles the Recordings that they affect, returns actions
    facts, actions      its input and its output

What it remembers:
    state               all of it: Recordings, locations, slots, queue, timers
    tracked_recording   a Recording while there is work with it
    artifact_work       one of its artifacts: how far the work with it has come
    status_outbox       its requests to the API server: one at a time, with their results
    teardown            how far its deletion has come
    ttl_schedule        finished Recordings whose time in Kubernetes ends soon
    echo_filter         versions of Recordings that were forgotten
    locations           StorageLocations and the labels of namespaces; permissions: which namespaces a location admits
    choosing, weights   which location gets a Recording that names none
    source_access       whether an artifact may read the object that it names; imports: which objects are open
    budget_holds        budgets that hold new uploads
    quotas              quotas, and the artifacts that wait for room; quota_ledger: what was stored since the last count

What it does with a Recording:
    advancing           each artifact that is not in transfer: into the queue, to a wait, to its end
    starting            free slot, claim, transfer; quota_gate: room in the quotas
    transfer_reports    processes the reports of a transfer
    writing             the status that is to be written; finalizer: when ours has to be there
    aborting            uploads of failed artifacts
    aftercare           what follows the end of all artifacts: the manifest; manifest_work: how far it has come
    moving              the move to another location: its copies, and what is removed; move_work: how far it has come
    deletion            a deleted Recording, its uploads and objects; deletion_blocker: what blocks its deletion, and
    how it is reported

Rules, each a pure function:
    next_step           what an artifact does next; artifact_status: how its status changes then
    client_uploads      the wait for a client that sends a file itself
    retries             whether and when a failed attempt is retried; fresh_urls: whether a provider is queried instead
    queue, pacing       the order of artifacts, and when the reason Queued is written
    expiry, signed_urls when a URL ends
    source_revision     whether the source is a new one
    placement, keys     where objects go
    status, integrity   computes the status of a Recording from its artifacts; current_status: with what is known now;
                        events: Events about it
    moves               the next step of a move, and the status that shows it
    manifest            the document that describes a Recording in the store, and its key
    quota_room          whether a quota has room for an artifact
    settled             when nothing is left to do
"""
