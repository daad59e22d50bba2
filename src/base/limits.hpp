// SPDX-License-Identifier: Apache-2.0
// Every limit on what comes from outside, in one place. Sizes are bytes unless the name says
// otherwise. Each has a test that reaches it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace slipway::limits {

using namespace std::chrono_literals;

// JSON and HTTP
inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t request_body_max = 1024 * 1024;
inline constexpr std::size_t open_body_max = 8 * 1024;     // where nobody has to sign in
inline constexpr std::size_t unasked_body_max = 64 * 1024; // read before asking who sends it
inline constexpr std::size_t import_body_max = 64 * 1024 * 1024;
inline constexpr std::size_t request_header_max = 16 * 1024;
inline constexpr std::size_t attachment_max = 64 * 1024 * 1024;
inline constexpr std::size_t blob_chunk = 256 * 1024;
inline constexpr std::size_t page_size_max = 200;
inline constexpr std::size_t page_size_default = 50;
inline constexpr std::size_t connections_max = 1024;
inline constexpr std::size_t connections_per_network_max = 256; // but a proxy on this machine
inline constexpr auto request_timeout = 30s;
inline constexpr auto idle_timeout = 60s;
inline constexpr auto linger_timeout = 2s; // reading what a refused client still sends
inline constexpr std::size_t linger_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t target_max = 4096; // path and query of a request
inline constexpr std::size_t path_segments_max = 16;
inline constexpr std::size_t query_parameters_max = 32;
inline constexpr std::size_t idempotency_key_max = 200;
inline constexpr std::size_t request_workers = 20;
inline constexpr std::size_t request_queue_max = 1024;
inline constexpr std::size_t large_bodies_max = 4; // imports read at the same time
inline constexpr std::size_t downloads_max = 6;    // each holds a worker
static_assert(downloads_max + large_bodies_max <= request_workers / 2, "half stays for commands");
inline constexpr std::size_t event_streams_max = 256;
inline constexpr std::size_t event_stream_batch = 200;
// A batch, and a page of entries, ends with the entry that reaches this many bytes.
inline constexpr std::size_t event_stream_bytes = 1024 * 1024;
inline constexpr auto event_stream_heartbeat = 15s;
inline constexpr std::size_t transcript_batch = 256 * 1024; // of a step's lines at a time
inline constexpr std::uint64_t query_number_max = (std::uint64_t{1} << 63) - 2;
inline constexpr std::size_t import_records_max = 200000;
inline constexpr std::size_t import_commit_max = 1000; // records that stand or fall together
inline constexpr std::size_t import_errors_shown_max = 100;
inline constexpr std::size_t record_users_shown_max = 20; // of a record that cannot be removed

// Identity
inline constexpr std::size_t password_min = 12;
inline constexpr std::size_t password_max = 200;
inline constexpr std::size_t password_memory = 64 * 1024 * 1024;
inline constexpr unsigned password_operations = 2;
inline constexpr std::ptrdiff_t password_hashes_at_once = 2;
inline constexpr auto password_wait = 5s;      // for one of those
inline constexpr int password_waiting_max = 4; // more are refused at once: each holds a worker
inline constexpr int login_failures_max = 10;
inline constexpr auto login_lock = 15min;
inline constexpr double logins_burst_per_person = 20;
inline constexpr double logins_per_second_per_person = 0.2;
inline constexpr double logins_burst_per_address = 100;
inline constexpr double logins_per_second_per_address = 2;
inline constexpr std::size_t login_buckets_max = 10000;
inline constexpr auto session_life = 12h;
inline constexpr auto token_life_max = 24h * 366;
inline constexpr auto password_code_life = 24h;
inline constexpr std::size_t bearers_per_person_max = 200;
inline constexpr auto bearer_cache_life = 1s; // also how soon an event stream ends with its token
inline constexpr std::size_t bearer_cache_max = 10000;
inline constexpr int access_event_retries_max = 8;
inline constexpr auto sweep_interval = 1h;    // of expired bearers and kept answers
inline constexpr auto kept_answer_life = 24h; // of an Idempotency-Key

// Text fields
inline constexpr std::size_t title_max = 200;
inline constexpr std::size_t text_max = 4000;
inline constexpr std::size_t paragraph_max = 20000;
inline constexpr std::size_t name_max = 255;
inline constexpr std::size_t url_max = 2000;
inline constexpr std::size_t list_max = 200;
inline constexpr std::size_t reason_max = 2000; // of each part of a refusal, as answers have it

// Records of one change
inline constexpr std::size_t attachments_per_change_max = 500;
inline constexpr std::size_t runs_per_change_max = 200;
inline constexpr std::size_t comments_per_change_max = 1000;
inline constexpr std::size_t timer_rounds_max = 64; // of one tick
inline constexpr std::size_t state_document_max = 4 * 1024 * 1024;
// What the worker and the end of a change may add to a record that is full.
inline constexpr std::size_t state_document_spare = 1024 * 1024;
inline constexpr std::uint64_t state_lag_max = 16; // events that a stored state may lack
inline constexpr std::size_t event_body_max = 256 * 1024;

// Facts of hosts, and what two rings differ in
inline constexpr std::size_t host_facts_max = 10000; // of one host
inline constexpr std::size_t host_facts_bytes_max = 1000 * 1000;
inline constexpr std::size_t fact_name_max = 255;
inline constexpr std::size_t fact_value_max = 2000;
inline constexpr auto facts_ahead_max = 5min; // of this machine's clock: the host's
inline constexpr auto gather_timeout = 2min;  // of one host
// Of one comparison. What does not fit is counted, and the gate refuses until it is mended.
inline constexpr std::size_t divergences_bytes_max = 128 * 1024;

// Of one preflight
inline constexpr std::size_t preflight_checks_max = 500;
inline constexpr std::size_t preflight_hosts_max = 100;
inline constexpr auto preflight_timeout = 60s; // of one host
inline constexpr std::size_t runbook_needs_max = 50;

// Workflows, policies, runbooks
inline constexpr std::size_t yaml_file_max = 1024 * 1024;
inline constexpr std::size_t yaml_depth_max = 32;
inline constexpr std::size_t yaml_nodes_max = 100000;
inline constexpr std::size_t yaml_errors_shown_max = 20;
inline constexpr std::size_t yaml_paths_max = 8 * 1024 * 1024;
inline constexpr std::size_t workflow_phases_max = 20;
inline constexpr std::size_t workflow_steps_max = 200;
inline constexpr std::size_t workflow_fields_max = 100;
inline constexpr std::size_t workflow_reminders_max = 10;
inline constexpr auto workflow_reminder_longest = 24h * 90;
inline constexpr std::size_t runbook_file_max = 1024 * 1024;
inline constexpr std::size_t runbook_nesting_max = 32; // lists and quotes inside one another
inline constexpr std::size_t runbook_steps_max = 500;
inline constexpr std::size_t smoke_checks_max = 200;
inline constexpr std::size_t transcript_max = 4 * 1024 * 1024;
inline constexpr std::size_t transcript_line_max = 4000;
inline constexpr std::size_t ssh_words_max = 4000; // of what ssh says about a connection
inline constexpr std::size_t secret_shown_min = 4; // a shorter one would blank out ordinary text
inline constexpr std::size_t secret_line_min = 8;  // of one of several lines, as of ordinary text
inline constexpr std::size_t runbook_attributes_max = 32;
inline constexpr std::size_t runbook_attribute_value_max = 4000;
inline constexpr std::size_t runbook_expressions_max = 100; // of RE2, of steps and checks
inline constexpr std::size_t runbook_expressions_bytes_max = 16 * 1024; // of all of them together
inline constexpr std::size_t runbook_front_matter_max = 16 * 1024;
inline constexpr std::size_t runbook_smoke_max = 256 * 1024; // of one smoke block
inline constexpr std::size_t runbook_findings_max = 1000;
inline constexpr auto runbook_time_max = 168h;     // of one step and of a whole runbook
inline constexpr auto step_end_grace = 1min;       // behind its limit, until it is ended and told
inline constexpr auto slowness_measured_min = 10s; // of steps, before they say how slow a ring is
inline constexpr auto run_clock_skew_max = 5min;   // of another runner's clock, to either side
// Sooner after somebody else's decision on a run, the failure that is meant must be named.
inline constexpr auto decisions_apart = 10min;
inline constexpr std::int64_t expectation_memory_max = 1024 * 1024;
inline constexpr std::size_t smoke_body_max = 1024 * 1024;
inline constexpr long smoke_redirects_max = 5;
inline constexpr std::size_t smoke_answer_header_max = 64 * 1024;
inline constexpr std::size_t smoke_headers_max = 20;  // asked for by one check
inline constexpr std::size_t smoke_records_max = 20;  // of DNS, asked for by one check
inline constexpr std::size_t smoke_answers_max = 100; // records that a name server may give
inline constexpr std::size_t smoke_programs_max = 20; // jq programs of one list
inline constexpr int smoke_days_max = 3650;           // that a certificate must still have
inline constexpr int smoke_retries_max = 30;
inline constexpr auto smoke_every_max = 10min;         // between two tries
inline constexpr auto smoke_settle_max = 1h;           // before the first try
inline constexpr auto smoke_age_max = 24h * 366;       // of a scheduled job
inline constexpr std::size_t smoke_each_max = 1000;    // names of one job
inline constexpr auto smoke_ahead_max = 5min;          // of this machine's clock: another one's
inline constexpr std::size_t smoke_shown_max = 200;    // bytes of what was seen, in a message
inline constexpr int smoke_certificates_max = 20;      // of one chain
inline constexpr std::size_t smoke_samples_max = 1000; // of one metric
inline constexpr int sso_pages_max = 10;               // redirects and forms of one login
inline constexpr std::size_t sso_forms_max = 20;       // of one page
inline constexpr std::size_t sso_fields_max = 100;     // of one form
inline constexpr std::size_t sso_keys_max = 50;        // of one provider
inline constexpr std::size_t sso_token_max = 64 * 1024;
inline constexpr std::size_t smoke_sql_max = 4000; // characters of a query
inline constexpr std::size_t probes_max = 32;      // of one tenant, dialled in at the same time
inline constexpr auto probe_wait = 60s;            // for a probe that takes a list
inline constexpr auto probe_slack = 30s;           // beyond the longest time of the checks
inline constexpr int probe_losses_max = 2;         // probes that may go away with one list
inline constexpr std::size_t junit_cases_max = 10000;
inline constexpr int junit_depth_max = 32;

// Expressions (jq)
inline constexpr std::size_t expression_max = 4000;
inline constexpr auto expression_timeout = 200ms; // of the processor's time, as the next
inline constexpr auto expression_compile_timeout = 5s;
inline constexpr auto expression_wait_max = 5s; // on top of those, of a machine that is busy
inline constexpr std::size_t expression_memory_max = 32 * 1024 * 1024;
inline constexpr std::size_t expression_stack_max = 512 * 1024 * 1024; // address space
inline constexpr std::size_t expression_copies_max = 4; // of one program, for as many threads
inline constexpr std::size_t expression_outputs_max = 10000;
inline constexpr std::size_t expression_nodes_max = 1000000; // values in all outputs of a run
inline constexpr std::size_t expression_cache_max = 128;

// Ledger and its evidence
inline constexpr std::size_t note_max = 64 * 1024;
inline constexpr std::size_t note_signatures_max = 32;
inline constexpr std::size_t proof_hashes_max = 64;
inline constexpr std::size_t ledger_tiles_kept = 4096;
inline constexpr std::size_t file_findings_max = 20; // lines of what SQLite finds in its file
inline constexpr std::size_t ledger_findings_max = 1000;
inline constexpr std::size_t ledger_waiting_max = 65536;
inline constexpr std::size_t ledger_streams_max = 4 * 1000 * 1000;
inline constexpr std::uint64_t export_max = 2ULL * 1024 * 1024 * 1024; // attachments together
// Whatever a change may have can be exported. A step of a run takes more than 200 bytes of the
// change's state document, two entries (running, ended) and one transcript.
inline constexpr std::size_t run_steps_per_change_max = state_document_max / 200;
inline constexpr std::size_t bundle_attachments_max =
    attachments_per_change_max + run_steps_per_change_max;
inline constexpr std::size_t bundle_entries_max =
    2 * run_steps_per_change_max + attachments_per_change_max + comments_per_change_max + 10000;
inline constexpr std::size_t bundle_files_max = bundle_entries_max + bundle_attachments_max + 8;
inline constexpr std::size_t bundle_manifest_max = 128 * 1024 * 1024;
inline constexpr std::size_t bundle_entry_max = event_body_max + 4096;
inline constexpr std::size_t bundle_entries_total_max = 256 * 1024 * 1024;

// Backup
inline constexpr std::size_t backup_files_max = 10000; // beside the database
inline constexpr std::size_t backup_report_max = 32 * 1024 * 1024;

// Calendar
inline constexpr auto window_max = 7 * 24h;
inline constexpr std::size_t occurrences_max = 2000; // of one rule in one answer
inline constexpr auto occurrence_length_max = 366 * 24h;
inline constexpr std::size_t recurrence_rule_max = 500; // characters
inline constexpr int recurrence_interval_max = 1000;
inline constexpr std::size_t blackouts_max = 5000;
inline constexpr int business_days_max = 3660; // days of the calendar that one sum looks at
inline constexpr auto board_lead_max = 90 * 24h;
inline constexpr auto board_horizon = 400 * 24h;
inline constexpr std::size_t slot_candidates_max = 5000;
inline constexpr std::size_t slot_proposals_max = 20;
inline constexpr std::size_t busy_intervals_max = 10000;
inline constexpr std::size_t roster_shifts_max = 2000;

// Connectors
inline constexpr auto connector_connect_timeout = 10s;
inline constexpr auto connector_call_timeout_max = 2h; // the longest deadline a call may have
inline constexpr auto connector_retry_after_max = std::chrono::seconds(24 * 3600);
inline constexpr int connector_redirects_max = 3;
inline constexpr std::size_t connector_answer_max = 8 * 1024 * 1024;
inline constexpr std::size_t connector_output_max = 8 * 1024 * 1024; // of a command
inline constexpr std::size_t connector_pages_max = 100;
inline constexpr std::size_t connector_items_max = 20000; // of all pages together
inline constexpr auto connector_poll_interval_min = 1ms;
inline constexpr std::size_t connector_requests_max = 20;   // of one operation
inline constexpr std::size_t connector_arguments_max = 100; // of one command
inline constexpr std::size_t connector_manifests_max = 500;
inline constexpr auto connector_mapping_timeout = 2s; // one jq mapping of a whole answer
inline constexpr std::size_t secret_max = 64 * 1024;
inline constexpr auto secret_command_timeout = 10s;
inline constexpr std::size_t tree_files_max = 1000 * 1000;
inline constexpr std::size_t mail_header_max = 2000;
inline constexpr std::size_t mail_recipients_max = 200;

// Full-text search, in words
inline constexpr std::size_t search_words_max = 16;
inline constexpr std::size_t indexed_words_max = 20000;
inline constexpr std::size_t indexed_text_max =
    1000 * 1000; // a tsvector loses what is behind 1 MiB

// Work
inline constexpr std::size_t commit_batch_max = 256;
inline constexpr std::size_t commit_queue_max = 4096;
inline constexpr int task_attempts_max = 8;
inline constexpr int decide_retries_max = 16;
inline constexpr auto records_age_max = 500ms; // of a tenant's registers from other servers
inline constexpr std::size_t records_page = 1000;
inline constexpr std::size_t cached_changes_max = 512;
// Of their documents; in memory a change takes a few times as much.
inline constexpr std::size_t cached_changes_bytes_max = 64 * 1024 * 1024;
inline constexpr std::size_t known_versions_max = 4096; // streams whose version the writer knows

// Command line
inline constexpr std::size_t cli_answer_max = 64 * 1024 * 1024;
inline constexpr std::size_t cli_event_max = 1024 * 1024; // one event of a stream
inline constexpr auto cli_connect_timeout = 10s;
inline constexpr auto cli_request_timeout = 120s;
inline constexpr auto cli_transfer_timeout = 30min;
inline constexpr auto cli_silence_max = 60s; // four heartbeats of an event stream
inline constexpr int cli_stream_retries_max = 5;
inline constexpr std::size_t cli_pages_max = 1000; // of a list with --all
inline constexpr auto cli_wait_min = 1s;
inline constexpr auto cli_wait_max = 60s;
inline constexpr auto cli_wait_default = 10s; // when the server gives no hint

} // namespace slipway::limits
