//! Publishers' keys and the home's bindings of names.

use ggen_core::dsse::SecretKey;
use ggen_core::root::Publisher;
use ggen_store::{How, KeyInfo};

use crate::answers::{BindingAnswer, BindingsAnswer, KeyAnswer, KeyExport, KeysAnswer};
use crate::error::MarketError;
use crate::market::{Market, now};
use crate::target::package_name;

/// The alias of the first key.
const DEFAULT_ALIAS: &str = "default";

impl Market {
    /// Makes a publisher with a new key; the answer has it alone.
    pub fn key_new(&self, alias: Option<String>) -> Result<KeysAnswer, MarketError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| MarketError::Internal(format!("no random numbers: {e}")))?;
        let (secret, created) = (SecretKey::from_seed(&seed), now());
        let (_, root) = Publisher::create(&secret, created);
        let alias = alias.unwrap_or_else(|| DEFAULT_ALIAS.to_owned());
        let info = self.store.add_key(&alias, &secret, &[root], created)?;
        Ok(KeysAnswer { keys: vec![answer(info)] })
    }

    /// Keys of this home.
    pub fn key_list(&self) -> Result<KeysAnswer, MarketError> {
        Ok(KeysAnswer { keys: self.store.keys()?.into_iter().map(answer).collect() })
    }

    /// What others need to know a publisher: never the secret.
    pub fn key_export(&self, alias: Option<String>) -> Result<KeyExport, MarketError> {
        let key = self.store.key(alias.as_deref())?;
        Ok(KeyExport { publisher: key.info.publisher, alias: key.info.alias, roots: key.roots })
    }

    /// Binds a name to a publisher, whomever it was bound to.
    pub fn key_trust(&self, name: String, publisher: String) -> Result<BindingsAnswer, MarketError> {
        let name = package_name(&name)?;
        let publisher = self.publisher(&publisher)?;
        self.store.bind(&name, publisher, How::User, now())?;
        self.bindings()
    }

    /// Takes a binding back; what is installed stays.
    pub fn key_untrust(&self, name: String) -> Result<BindingsAnswer, MarketError> {
        self.store.unbind(&package_name(&name)?)?;
        self.bindings()
    }

    fn bindings(&self) -> Result<BindingsAnswer, MarketError> {
        let bindings = self.store.bindings()?;
        let bindings = bindings.into_iter().map(|b| BindingAnswer { name: b.name, publisher: b.publisher });
        Ok(BindingsAnswer { bindings: bindings.collect() })
    }
}

fn answer(info: KeyInfo) -> KeyAnswer {
    KeyAnswer { publisher: info.publisher, alias: info.alias, created: info.created, public: info.public.0.to_string() }
}
