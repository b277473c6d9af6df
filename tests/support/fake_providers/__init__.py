"""Fakes of the providers' APIs, and their webhooks.

    with MediaServer() as media, FakeMeetingBaas(media) as provider:
        recording = provider.add(a_recording("bot-1"))
        send(receiver_url, signed(Scheme.SVIX, meetingbaas_completed(provider, recording), secret=SECRET))
        media.expire_links()                        # every URL so far responds 403 "Request has expired"
        provider.outage = Outage.UNAVAILABLE        # 503, HANG or RESET until it is None
        provider.limit(requests=2, retry_after="7") # the next two requests get 429
        assert provider.log[-1].status == 200

A fake checks what the real API checks: the exact header with the key, the path, the query and its fields. Unknown ids
get 404. `credentials` is what the Secret of `spec.api.secretRef` contains.
"""
