//! What a person does with layers, in which labels overlap.

use super::Session;
use crate::case::{Edit, EditError, LayerOrigin};

impl Session {
    /// The layer's name: what a person calls it, or the file it came from, or its number.
    pub fn layer_name(&self, layer: usize) -> String {
        let origin = self.case.layer_origins().get(layer).cloned().unwrap_or_default();
        origin.name.or(origin.file).unwrap_or_else(|| format!("Layer {}", layer + 1))
    }

    /// Draws on a layer from now on, if the case has it.
    pub fn set_layer(&mut self, layer: usize) {
        if layer < self.case.layers().len() && layer != self.layer {
            self.let_go();
            self.layer = layer;
            self.notice = Some(format!("Drawing on {}", self.layer_name(layer)));
        }
    }

    /// Adds an empty layer on top, as one step, and draws on it.
    pub fn add_layer(&mut self) -> Result<(), EditError> {
        let layer = self.case.layers().len();
        self.apply_step(&format!("New layer {}", layer + 1), |_| {
            vec![Edit::Layer { layer, before: None, after: Some(LayerOrigin::default()) }]
        })?;
        self.set_layer(layer);
        Ok(())
    }

    /// Gives a layer another name.
    pub fn rename_layer(&mut self, layer: usize, name: &str) -> Result<(), EditError> {
        let Some(before) = self.case.layer_origins().get(layer).cloned() else { return Ok(()) };
        let after = LayerOrigin { name: Some(name.to_owned()), ..before.clone() };
        let step = format!("Rename {} to {name}", self.layer_name(layer));
        self.apply_step(&step, |_| vec![Edit::Layer { layer, before: Some(before), after: Some(after) }])
    }

    /// Whether a layer can go: the last one while it is empty, unless it is the only one.
    pub fn can_remove_layer(&self, layer: usize) -> bool {
        let layers = self.case.layers();
        layer > 0 && layer + 1 == layers.len() && layers[layer].bricks().next().is_none()
    }

    /// Takes an empty last layer away, as one step.
    pub fn remove_layer(&mut self, layer: usize) -> Result<(), EditError> {
        let Some(before) = self.case.layer_origins().get(layer).cloned() else { return Ok(()) };
        if !self.can_remove_layer(layer) {
            self.notice = Some("Only the last layer can go, and only while it is empty".into());
            return Ok(());
        }
        let step = format!("Remove {}", self.layer_name(layer));
        self.apply_step(&step, |_| vec![Edit::Layer { layer, before: Some(before), after: None }])
    }

    /// Shows or hides a layer.
    pub fn set_layer_shown(&mut self, layer: usize, shown: bool) {
        if layer < self.case.layers().len() && self.case.is_layer_shown(layer) != shown {
            self.case.set_layer_shown(layer, shown);
            self.changes += 1;
        }
    }
}
