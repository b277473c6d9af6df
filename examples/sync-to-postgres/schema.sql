CREATE TABLE IF NOT EXISTS meetings (
  recording_uid  uuid PRIMARY KEY,
  provider_id    text,                  -- such as the bot's id; the Recording may not have one
  namespace      text NOT NULL,
  name           text NOT NULL,
  org            text NOT NULL,
  user_id        text,
  title          text,
  state          text,                  -- Complete, Failed, Pending (a URL has expired) or Deleted
  video_uri      text,                  -- such as s3://bucket/key
  audio_uri      text,
  transcript_uri text,
  event_time     timestamptz NOT NULL   -- of the event that the row shows
);

-- Every event that was applied. It makes a second delivery harmless. Rows may be removed after some days.
CREATE TABLE IF NOT EXISTS recording_events (
  id         text PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);
