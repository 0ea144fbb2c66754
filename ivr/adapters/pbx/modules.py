"""Which modules Asterisk loads, which messages it declines, and which files it wants to find even if empty."""

from __future__ import annotations

PJSIP = (
    "res_pjproject",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_pjsip",
    "res_pjsip_session",
    "res_pjsip_sdp_rtp",
    "res_rtp_asterisk",
    "res_pjsip_pubsub",
    "chan_pjsip",
    "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_caller_id",
    "res_pjsip_rfc3326",
    "res_pjsip_nat",
    "res_pjsip_dtmf_info",
    "res_pjsip_authenticator_digest",  # without it a stranger is "not required to authenticate", and told 500
    "res_pjsip_outbound_authenticator_digest",
    "res_pjsip_outbound_registration",
)
TALKING = (
    "res_timing_timerfd",
    "res_speech",
    "res_agi",
    "app_playback",
    "app_userevent",
    "app_verbose",
    "format_pcm",
    "format_wav",
    "format_sln",
    "codec_alaw",
    "codec_ulaw",
    "codec_resample",
)
DIALPLAN = (
    "pbx_config",
    "func_strings",
    "func_logic",
    "func_timeout",
    "func_db",
    "func_env",
    "app_db",
    "func_channel",
    "func_hangupcause",
)
CODECS = {
    "g722": ("codec_g722",),
    "opus": ("codec_opus_open_source", "res_format_attr_opus"),
    "gsm": ("codec_gsm", "format_gsm"),
}
"""What a codec of a trunk needs beside the above."""
WATCHING = ("res_security_log", "res_pjsip_logger")
"""The first writes down who knocks without being known: fail2ban reads it. The second is silent until a capture."""
BOOKS = ("func_cdr", "res_cdrel_custom", "cdr_custom")
ONLY_IN_SOME = frozenset({"res_cdrel_custom", "codec_opus_open_source"})
"""Not in every Asterisk of 20 or later: loaded where the file exists."""

DECLINED = (
    "stasis_test_message_type",
    "cel_generic_type",
    "ast_channel_varset_type",
    "ast_rtp_rtcp_sent_type",
    "ast_rtp_rtcp_received_type",
    "ast_device_state_message_type",
    "ast_presence_state_message_type",
    "agi_exec_start_type",
    "agi_exec_end_type",
    "ast_format_register_type",
    "ast_test_suite_message_type",
)

EVENTS = ("OriginateResponse", "Hangup", "DialState", "UserEvent", "DTMFEnd", "FullyBooted", "Shutdown")
"""What Asterisk's manager sends to the controller; everything else is filtered out inside Asterisk."""

DISABLED_EVENTS = (
    "Newexten",
    "Newstate",
    "NewConnectedLine",
    "NewCallerid",
    "Newchannel",
    "DialBegin",
    "DialEnd",
    "HangupRequest",
    "SoftHangupRequest",
    "DTMFBegin",
)
"""Those of the others that every call raises, the most frequent first: not even made, as nobody is to see them."""

EMPTY_FILES = ("acl", "ccss", "cel", "cli", "codecs", "features", "http", "pjproject", "udptl")
"""Asterisk complains about each of these when it is absent; empty means: nothing of it."""


SRTP = ("res_srtp",)
"""Loaded where a trunk's speech is encrypted."""
CALLBACKS = ("func_callerid", "func_groupcount")
"""Loaded where a trunk takes calls."""
STIR = ("res_curl", "res_stir_shaken", "res_pjsip_stir_shaken")
"""Loaded where a trunk's calls are signed."""


def to_load(codecs: set[str]) -> tuple[str, ...]:
    """The modules to load, in order, for trunks that use `codecs`."""
    extra = (module for codec in sorted(codecs) for module in CODECS.get(codec, ()))
    return (*PJSIP, *TALKING, *extra, *WATCHING, *BOOKS, *DIALPLAN)
