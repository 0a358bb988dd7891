//! How gossipsub is set up.
//!
//! Decides that nothing is kept of other topics. Messages carry no author and are named by their bytes, so that nothing has
//! to be verified before a flood can be dropped; each waits for the node's word before it is passed on.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use ggen_core::Digest;
use ggen_core::announcement::MAX_ANNOUNCEMENT;
use libp2p::gossipsub::{
    Behaviour, ConfigBuilder, DataTransform, IdentTopic, Message, MessageAuthenticity, MessageId, RawMessage,
    TopicHash, ValidationMode, WhitelistSubscriptionFilter,
};

use crate::config::Mode;
use crate::error::{NetError, Problem};

/// The topic of announcements.
pub(crate) const TOPIC: &str = "/ggen/heads/1";
/// Which protocols are spoken: this with `/1.1.0` or `/1.0.0`.
const MESHSUB: &str = "/meshsub";
/// What goes round an announcement in a packet, in bytes.
const ROUND: usize = 4096;
/// Messages of one packet that are looked at.
const MAX_AT_ONCE: usize = 256;
/// Messages that are named in advance, or asked for, at once.
const MAX_NAMED: usize = 1000;
/// Messages that wait to be sent to one peer.
const MAX_WAITING: usize = 512;
/// How long a message is remembered as told: longer than any is on its way.
const REMEMBERED: Duration = Duration::from_secs(20);

/// Gossip on our topic alone.
pub(crate) type Mesh = Behaviour<OnlyOurs, WhitelistSubscriptionFilter>;

/// Refuses messages of other topics before they are kept for anybody.
pub(crate) struct OnlyOurs(TopicHash);

impl DataTransform for OnlyOurs {
    fn inbound_transform(&self, raw: RawMessage) -> io::Result<Message> {
        if raw.topic != self.0 {
            return Err(io::Error::other("another topic"));
        }
        let RawMessage { source, data, sequence_number, topic, .. } = raw;
        Ok(Message { source, data, sequence_number, topic })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> io::Result<Vec<u8>> {
        Ok(data)
    }
}

/// Whoever is a node listens and passes on; a command only tells.
pub(crate) fn mesh(mode: Mode) -> Result<Mesh, NetError> {
    let failed = |e: Problem| NetError::Transport(e);
    let topic = IdentTopic::new(TOPIC);
    let config = ConfigBuilder::default()
        .protocol_id_prefix(MESHSUB)
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| MessageId::from(Digest::of(&message.data).as_bytes().to_vec()))
        .max_transmit_size(MAX_ANNOUNCEMENT + ROUND)
        .max_publish_messages(MAX_AT_ONCE)
        .max_control_messages_sent(MAX_NAMED)
        .connection_handler_queue_len(MAX_WAITING)
        .duplicate_cache_time(REMEMBERED)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .build()
        .map_err(|e| failed(Box::new(e)))?;
    let filter = WhitelistSubscriptionFilter(HashSet::from([topic.hash()]));
    let author = MessageAuthenticity::Anonymous;
    let mut mesh = Mesh::new_with_subscription_filter_and_transform(author, config, filter, OnlyOurs(topic.hash()))
        .map_err(|e| failed(e.into()))?;
    if mode == Mode::Node {
        mesh.subscribe(&topic).map_err(|e| failed(Box::new(e)))?;
    }
    Ok(mesh)
}
