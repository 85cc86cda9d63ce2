-- The first shape of the store: ledger, windows, grades, and what is issued from them.
-- Written in the words that SQLite and PostgreSQL share. Times are BIGINT, UTC: *_ns nanoseconds, hour and minute
-- counts since 1970 (hour 0 = 1970-01-01T00Z). Blobs carry a format version as first byte; `checksum` is the
-- CRC-32 over the row's columns before it, in the order in which they stand here, packed as base/db.h says (db_bind_checksum).
-- What changes later without being derived from other rows stands behind it. Tables with a row per hour are kept in the order of their key,
-- where a database can do so (WITHOUT ROWID): the hours of a service lie side by side, and nothing is stored twice.

CREATE TABLE store_info (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- One account of the same stream. `name` moves from one book to another in a swap; NULL once it was replaced.
CREATE TABLE book (
    book_id BIGINT PRIMARY KEY,
    name TEXT UNIQUE,
    created_ns BIGINT NOT NULL
);

-- Where an event stands for ever begins here: a topic that was created again is a new incarnation.
CREATE TABLE stream (
    stream_id BIGINT PRIMARY KEY,
    cluster TEXT NOT NULL,      -- the broker's own cluster id
    cluster_name TEXT NOT NULL, -- the configured name, the one that statements print
    topic TEXT NOT NULL,
    incarnation BIGINT NOT NULL,
    kind TEXT NOT NULL,         -- 'requests' or 'checks'
    closed_ns BIGINT,           -- set by an operator's word: the next incarnation was accepted, or the topic given up
    checksum BIGINT NOT NULL,
    UNIQUE (cluster, topic, incarnation)
);
-- One open incarnation of a topic, whoever accepts it at the same time.
CREATE UNIQUE INDEX stream_open ON stream (cluster, topic) WHERE closed_ns IS NULL;

-- The fence of the ledger: a commit advances next_offset only where it still equals the batch's `from`.
CREATE TABLE partition_offset (
    book_id BIGINT NOT NULL REFERENCES book (book_id),
    stream_id BIGINT NOT NULL REFERENCES stream (stream_id),
    partition_id BIGINT NOT NULL,
    origin BIGINT NOT NULL,      -- where the ledger of this partition begins
    next_offset BIGINT NOT NULL,
    drained_ns BIGINT,           -- everything written before this store time has been committed; NULL: never yet
    guard_offset BIGINT,         -- last record seen, to notice a topic that was deleted and created again
    guard_time_ns BIGINT,
    parked TEXT,                 -- reason why the partition waits for an operator
    drained_checksum BIGINT,     -- over the key and drained_ns: completeness rests on it, and it follows from nothing
    PRIMARY KEY (book_id, stream_id, partition_id)
);

-- Append-only. batch_id is chosen by the client before it commits, so that a lost answer can be looked up.
CREATE TABLE batch (
    batch_id BYTEA PRIMARY KEY,  -- 16 bytes
    book_id BIGINT NOT NULL REFERENCES book (book_id),
    committed_ns BIGINT NOT NULL,
    program_version TEXT NOT NULL,
    checksum BIGINT NOT NULL,
    folded BIGINT NOT NULL DEFAULT 0 -- 1 once none of its tallies is pending
);
CREATE INDEX batch_unfolded ON batch (book_id) WHERE folded = 0;

CREATE TABLE batch_range (
    book_id BIGINT NOT NULL,
    stream_id BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    from_offset BIGINT NOT NULL,
    to_offset BIGINT NOT NULL,   -- exclusive
    batch_id BYTEA NOT NULL REFERENCES batch (batch_id),
    kind TEXT NOT NULL,          -- 'read', 'lost'
    config_digest TEXT NOT NULL, -- SHA-256 of the topic's mapping and the services' thresholds
    delivered BIGINT NOT NULL,   -- covered = delivered + absent = tallied + excluded + duplicate + dead_lettered + absent
    tallied BIGINT NOT NULL,
    excluded BIGINT NOT NULL,
    duplicate BIGINT NOT NULL,
    dead_lettered BIGINT NOT NULL,
    absent BIGINT NOT NULL,
    first_time_ns BIGINT,        -- Kafka time stamps of the first and last record; of a lost range, which is absent as
    last_time_ns BIGINT,         -- a whole: the span of time that its records may be from
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, stream_id, partition_id, from_offset)
);
CREATE INDEX batch_range_by_batch ON batch_range (batch_id);
CREATE INDEX batch_range_by_digest ON batch_range (book_id, stream_id, config_digest);
CREATE INDEX batch_range_lost ON batch_range (book_id) WHERE kind = 'lost';

CREATE TABLE exclusion (
    batch_id BYTEA NOT NULL REFERENCES batch (batch_id),
    stream_id BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    reason TEXT NOT NULL,        -- 'tombstone', 'not_a_request', 'rule:NAME'; 'archived' in the book of the archive; 'other_month',
                                 -- 'known_dead', 'known_duplicate', 'known_lost' in that of a rebuild
    records BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (batch_id, stream_id, partition_id, reason)
);

CREATE TABLE dead_letter (
    book_id BIGINT NOT NULL,
    stream_id BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    record_offset BIGINT NOT NULL,
    batch_id BYTEA NOT NULL REFERENCES batch (batch_id),
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,        -- where in the record, for people
    record_time_ns BIGINT,       -- Kafka time stamp
    record_size BIGINT NOT NULL, -- of the original
    content TEXT NOT NULL,       -- what `bytes` are: 'whole', 'cut', 'redacted', 'expired'
    bytes BYTEA NOT NULL,
    resolved_by BYTEA,           -- the redrive batch that counted it; part of the checksum like the rest
    schema_header BYTEA,         -- of framing header: what the record's header said about its schema
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, stream_id, partition_id, record_offset)
);
CREATE INDEX dead_letter_kept ON dead_letter (book_id, stream_id, partition_id, record_offset)
    WHERE content <> 'expired';

-- What redrives counted of dead letters, per redrive batch and range that they stand in. The range itself keeps its counts for ever;
-- what its records are now is its counts plus its moves: dead_lettered - letters, tallied + tallied, and so on.
CREATE TABLE moved (
    batch_id BYTEA NOT NULL REFERENCES batch (batch_id), -- of the redrive
    book_id BIGINT NOT NULL,
    stream_id BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    from_offset BIGINT NOT NULL, -- where the range begins
    config_digest TEXT NOT NULL, -- what they were decoded by this time
    letters BIGINT NOT NULL,     -- = tallied + excluded + duplicate
    tallied BIGINT NOT NULL,
    excluded BIGINT NOT NULL,
    duplicate BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (batch_id, stream_id, partition_id, from_offset)
);
CREATE INDEX moved_by_range ON moved (book_id, stream_id, partition_id, from_offset);

-- Files of the book "archive", one for each of its ranges in which there is a record. A row is the last word on its file: what the folder
-- holds beside those is nothing. Retention changes the state, never the ranges.
CREATE TABLE archive_file (
    book_id BIGINT NOT NULL,
    stream_id BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    from_offset BIGINT NOT NULL,
    to_offset BIGINT NOT NULL,   -- exclusive
    batch_id BYTEA NOT NULL REFERENCES batch (batch_id),
    name TEXT NOT NULL,          -- of the object, below the configured folder or bucket
    size BIGINT NOT NULL,        -- bytes
    sha256 TEXT NOT NULL,
    records BIGINT NOT NULL,     -- the range's delivered
    low_time_ns BIGINT,          -- lowest and highest Kafka time stamp; NULL: no record has one
    high_time_ns BIGINT,
    low_event_ns BIGINT,         -- lowest and highest time of the events in it, by the mapping of that day; NULL: there is none
    high_event_ns BIGINT,
    undated BIGINT NOT NULL,     -- bad records: their events may be from any time, once a mapping is repaired
    state TEXT NOT NULL,         -- 'kept'; 'expiring': it is being deleted; 'expired': it was
    expired_ns BIGINT,           -- when that began
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, stream_id, partition_id, from_offset)
);

-- A month of a book that is counted again from the archive. `rebuild_book` is a ledger like any other, whose windows are of that month only;
-- `since_book` has windows alone: what the fold has added to the month of `book_id` since the rebuild was opened. Both together are what the
-- month should be, at any time.
CREATE TABLE rebuild (
    book_id BIGINT NOT NULL,
    month TEXT NOT NULL,         -- '2026-10', of UTC
    first_hour BIGINT NOT NULL,
    end_hour BIGINT NOT NULL,    -- exclusive
    rebuild_book BIGINT NOT NULL,
    since_book BIGINT NOT NULL,
    opened_ns BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, month)
);

-- How far the book had read, and folded, when the rebuild was opened: what lies before is the rebuild's, what comes behind is the fold's.
CREATE TABLE rebuild_boundary (
    rebuild_book BIGINT NOT NULL,
    stream_id BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    boundary BIGINT NOT NULL,
    low_named BIGINT,            -- lowest and highest offset that windows of the month named then; NULL: none
    high_named BIGINT,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (rebuild_book, stream_id, partition_id)
);

-- The redrives whose letters were counted by then. Those of later ones come by the fold.
CREATE TABLE rebuild_redrive (
    rebuild_book BIGINT NOT NULL,
    batch_id BYTEA NOT NULL REFERENCES batch (batch_id),
    checksum BIGINT NOT NULL,
    PRIMARY KEY (rebuild_book, batch_id)
);

-- Event ids of topics whose producers retry, as long as a copy may still come (duplicates.horizon).
CREATE TABLE event_id (
    book_id BIGINT NOT NULL,
    key BYTEA NOT NULL,          -- 16 bytes: BLAKE2b of group, id and the event's time
    group_name TEXT NOT NULL,    -- duplicates.group of the topic
    time_ns BIGINT NOT NULL,     -- Kafka time stamp of the record; the event's time if it has none
    lasting BIGINT NOT NULL,     -- 1: of a redrive, never forgotten: a later redrive may bring the copy
    PRIMARY KEY (book_id, key)
);
CREATE INDEX event_id_by_time ON event_id (book_id, group_name, time_ns) WHERE lasting = 0;

-- How many ids are kept of each group, so that nobody has to count them.
CREATE TABLE event_group (
    book_id BIGINT NOT NULL,
    group_name TEXT NOT NULL,
    ids BIGINT NOT NULL,
    PRIMARY KEY (book_id, group_name)
);

-- Records that were not counted because their event had been counted before.
CREATE TABLE duplicate (
    book_id BIGINT NOT NULL,
    stream_id BIGINT NOT NULL,
    partition_id BIGINT NOT NULL,
    record_offset BIGINT NOT NULL,
    batch_id BYTEA NOT NULL REFERENCES batch (batch_id),
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, stream_id, partition_id, record_offset)
);

-- Tallies that are committed and not yet folded: a row per batch, several if they are many (aggregator/pending.h says how they are packed).
-- Each tally is of a window hour, a check hour or an activity hour. Not in the order of its key: rows are large, and SQLite would read a whole
-- one whenever it compares keys.
-- kind: 'window' (a = service, b = customer), 'check' (a = service, b = instance, c = region, d = checker),
-- 'activity' (a = 'topic' or 'checker', b = its name).
CREATE TABLE pending (
    book_id BIGINT NOT NULL,
    batch_id BYTEA NOT NULL REFERENCES batch (batch_id),
    part BIGINT NOT NULL,        -- 0, 1, ...; the fold takes them in this order
    tallies BIGINT NOT NULL,     -- how many
    packed BYTEA NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, batch_id, part)
);

-- The folded truth, with the same keys.
CREATE TABLE window_hour (
    book_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    c TEXT NOT NULL,
    d TEXT NOT NULL,
    hour BIGINT NOT NULL,
    tally BYTEA NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, kind, a, hour, b, c, d)
) WITHOUT ROWID;

-- Plain columns for people and their SQL; derived from window_hour in the same transaction.
CREATE TABLE rollup_hour (
    book_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    customer TEXT NOT NULL,
    hour BIGINT NOT NULL,
    records BIGINT NOT NULL,
    total BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    slow BIGINT NOT NULL,
    no_latency BIGINT NOT NULL,
    latency_p50_ns BIGINT,       -- from the histogram, at most 1.1 % off
    latency_p95_ns BIGINT,
    latency_p99_ns BIGINT,
    PRIMARY KEY (book_id, service, customer, hour)
) WITHOUT ROWID;

CREATE TABLE rollup_day (
    book_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    customer TEXT NOT NULL,
    day BIGINT NOT NULL,         -- days since 1970, UTC
    records BIGINT NOT NULL,
    total BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    slow BIGINT NOT NULL,
    no_latency BIGINT NOT NULL,
    PRIMARY KEY (book_id, service, customer, day)
) WITHOUT ROWID;

-- The raw grades of a service's hour, and the state of its checks carried into the next hour. grades: runs of minutes with one grade, a byte
-- for the grade (schemas/grade.h) and one for the number of minutes, 60 in all.
CREATE TABLE grade_hour (
    book_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    hour BIGINT NOT NULL,
    grades BYTEA NOT NULL,
    incomplete BIGINT NOT NULL,  -- bit n: records of minute n were lost, so its data are not all of them
    carried BYTEA NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, service, hour)
) WITHOUT ROWID;

-- First minute with an event, per service: what comes before is not_provisioned.
CREATE TABLE service (
    book_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    first_minute BIGINT NOT NULL,
    has_requests BIGINT NOT NULL,
    has_checks BIGINT NOT NULL,
    PRIMARY KEY (book_id, service)
) WITHOUT ROWID;

-- Hours of a service whose windows changed since they were graded.
CREATE TABLE regrade (
    book_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    hour BIGINT NOT NULL,
    PRIMARY KEY (book_id, service, hour)
) WITHOUT ROWID;

-- How often hours of that day were graded. It only grows, so whoever noted the number sees whether anything changed since.
CREATE TABLE grade_day (
    book_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    day BIGINT NOT NULL,         -- days since 1970, UTC
    gradings BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, service, day)
) WITHOUT ROWID;

-- What statements read of a service's day, derived from its hours once all of them are graded (aggregator/service_day.h). It counts only while
-- none of its hours is marked in regrade.
CREATE TABLE service_day (
    book_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    day BIGINT NOT NULL,         -- days since 1970, UTC
    packed BYTEA NOT NULL,       -- grades, lost minutes, sums of requests, offset ranges
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, service, day)
) WITHOUT ROWID;

CREATE TABLE incident (
    book_id BIGINT NOT NULL,
    service TEXT NOT NULL,
    first_minute BIGINT NOT NULL,
    end_minute BIGINT,           -- exclusive; NULL while it lasts
    worst BIGINT NOT NULL,       -- enum grade
    level TEXT NOT NULL,         -- 'P1', 'P2', 'P3'
    detected_ns BIGINT NOT NULL,
    closed_ns BIGINT,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, service, first_minute)
) WITHOUT ROWID;
-- Those that last, without a look at each service's.
CREATE INDEX incident_open ON incident (book_id, level, service) WHERE end_minute IS NULL;

-- One writer of windows at a time. fence grows with every new holder; every fold transaction checks it.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL
);

-- A fold round in progress: what it will be able to say once the last of the pending rows it saw is folded.
CREATE TABLE fold_round (
    book_id BIGINT PRIMARY KEY,
    started_ns BIGINT NOT NULL
);
CREATE TABLE fold_round_batch (
    book_id BIGINT NOT NULL,
    batch_id BYTEA NOT NULL,
    PRIMARY KEY (book_id, batch_id)
) WITHOUT ROWID;
CREATE TABLE fold_round_complete (
    book_id BIGINT NOT NULL,
    stream_id BIGINT NOT NULL,
    complete_ns BIGINT NOT NULL,
    PRIMARY KEY (book_id, stream_id)
);

-- The time up to which every event of a stream has been read and folded.
CREATE TABLE complete_until (
    book_id BIGINT NOT NULL,
    stream_id BIGINT NOT NULL,
    complete_ns BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (book_id, stream_id)
);

-- Planned maintenance as it was announced. Rows are never changed: moving is a cancellation and a new announcement.
CREATE TABLE announcement (
    announcement_id BIGINT PRIMARY KEY,
    service TEXT NOT NULL,       -- or '*'
    from_ns BIGINT NOT NULL,
    to_ns BIGINT NOT NULL,
    announced_ns BIGINT NOT NULL, -- when the store first saw it
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    cancels BIGINT,              -- the announcement that this row withdraws
    checksum BIGINT NOT NULL
);

-- Time of a service that somebody found to have been other than its grades say. Rows are never changed; withdrawing one is another row,
-- with its service and times.
CREATE TABLE reclassification (
    reclassification_id BIGINT PRIMARY KEY,
    service TEXT NOT NULL,
    from_ns BIGINT NOT NULL,
    to_ns BIGINT NOT NULL,
    state TEXT NOT NULL,         -- name of a grade
    recorded_ns BIGINT NOT NULL, -- the store's clock
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    withdraws BIGINT,            -- the reclassification that this row takes back
    checksum BIGINT NOT NULL
);

-- The terms of a contract as they were when first used.
CREATE TABLE terms (
    contract TEXT NOT NULL,
    digest TEXT NOT NULL,        -- SHA-256 of `text`
    text TEXT NOT NULL,          -- canonical JSON
    seen_ns BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (contract, digest)
);

CREATE TABLE statement (
    contract TEXT NOT NULL,
    period TEXT NOT NULL,        -- '2026-10'
    revision BIGINT NOT NULL,    -- 1, 2, ...
    issued_ns BIGINT NOT NULL,
    sha256 TEXT NOT NULL,        -- of document
    document TEXT NOT NULL,      -- canonical JSON
    journal TEXT NOT NULL,       -- complete-until, fences, wall clock: what the figure does not depend on
    checksum BIGINT NOT NULL,
    PRIMARY KEY (contract, period, revision)
);

-- What the books were when the newest revision of a statement was last held against them; there is nothing to do until they differ.
CREATE TABLE comparison (
    contract TEXT NOT NULL,
    period TEXT NOT NULL,
    revision BIGINT NOT NULL,
    digest TEXT NOT NULL,              -- of the terms by which it was computed
    book_id BIGINT NOT NULL,
    gradings BIGINT NOT NULL,          -- of its services and days: the sum of grade_day
    announcements BIGINT NOT NULL,     -- rows that overlap its time
    reclassifications BIGINT NOT NULL, -- rows that overlap its time
    checksum BIGINT NOT NULL,
    PRIMARY KEY (contract, period)
);

-- Files that were drawn from a statement, as they were published: a later release may draw others, and these stay.
CREATE TABLE publication (
    contract TEXT NOT NULL,
    period TEXT NOT NULL,
    revision BIGINT NOT NULL,
    format TEXT NOT NULL,        -- 'html', 'csv'
    sha256 TEXT NOT NULL,        -- of the file
    program_version TEXT NOT NULL,
    published_ns BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (contract, period, revision, format, sha256)
);

CREATE TABLE credit_note (
    credit_note_id TEXT PRIMARY KEY, -- deterministic: contract, period, revision
    contract TEXT NOT NULL,
    period TEXT NOT NULL,
    revision BIGINT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,    -- of this note: the difference to the notes before it
    total_minor BIGINT NOT NULL,     -- what is owed for the period in all
    issued_ns BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    UNIQUE (contract, period, revision)
);

-- What customers claimed, and when, held against the deadline that stood then.
CREATE TABLE claim (
    claim_id BIGINT PRIMARY KEY,
    contract TEXT NOT NULL,
    period TEXT NOT NULL,
    claimed TEXT NOT NULL,       -- '2026-11-20', a local date of the contract's zone, or RFC 3339
    claimed_ns BIGINT NOT NULL,  -- that moment, or the start of that day
    deadline_ns BIGINT,          -- NULL: the contract has none
    author TEXT NOT NULL,
    reference TEXT NOT NULL,     -- of the customer's letter or ticket; may be empty
    recorded_ns BIGINT NOT NULL, -- the store's clock
    checksum BIGINT NOT NULL
);

-- Everything that leaves the store goes through here, keyed so that a second delivery is the same delivery.
CREATE TABLE outbox (
    outbox_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    payload TEXT NOT NULL,
    delivered_ns BIGINT
);
CREATE INDEX outbox_undelivered ON outbox (kind, outbox_id) WHERE delivered_ns IS NULL;
