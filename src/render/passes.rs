//! The passes as pipelines, each built when it is first drawn with.

use std::collections::HashMap;

use super::scene::PixelRect;
use super::voxels::{Coding, Kind};
use super::{overlay, projection, slice, threshold};

/// One pass in one variant. Variants are compiled apart, so that no pixel asks what the volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pass {
    Slice { kind: Kind, smooth: bool, flat_axis: Option<usize> },
    Overlay,
    Threshold { kind: Kind },
    Projection { kind: Kind, smooth: bool },
    Surface,
}

/// All pipelines that draw into pictures, and the one set of bindings they share.
#[derive(Debug)]
pub(super) struct Passes {
    device: wgpu::Device,
    layout: wgpu::BindGroupLayout,
    pipeline_layout: wgpu::PipelineLayout,
    built: HashMap<Pass, wgpu::RenderPipeline>,
}

/// Format of finished pictures: gamma-encoded as they are shown.
pub(super) const PICTURE_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

impl Passes {
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let texture = |dimension, sample_type| wgpu::BindingType::Texture {
            sample_type,
            view_dimension: dimension,
            multisampled: false,
        };
        let uniform = wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: false,
            min_binding_size: None,
        };
        let bits = texture(wgpu::TextureViewDimension::D3, wgpu::TextureSampleType::Uint);
        let colours =
            texture(wgpu::TextureViewDimension::D2, wgpu::TextureSampleType::Float { filterable: false });
        let entry = |(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty,
            count: None,
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("scene"),
            entries: &[(0, uniform), (1, bits), (2, bits), (3, colours)].map(entry),
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("scene"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        Self { device: device.clone(), layout, pipeline_layout, built: HashMap::new() }
    }

    /// Builds what is still missing of some passes.
    pub(super) fn prepare(&mut self, passes: impl Iterator<Item = Pass>) {
        let Self { device, pipeline_layout, built, .. } = self;
        for pass in passes {
            built.entry(pass).or_insert_with(|| build(device, pipeline_layout, pass));
        }
    }

    /// The pipeline of a pass that was prepared.
    pub(super) fn get(&self, pass: Pass) -> Option<&wgpu::RenderPipeline> {
        self.built.get(&pass)
    }

    /// The bindings of one draw.
    pub(super) fn bind(
        &self,
        scene: &wgpu::Buffer,
        voxels: &wgpu::TextureView,
        labels: &wgpu::TextureView,
        colours: &wgpu::TextureView,
    ) -> wgpu::BindGroup {
        let texture = |binding, view| wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::TextureView(view),
        };
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("scene"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: scene.as_entire_binding() },
                texture(1, voxels),
                texture(2, labels),
                texture(3, colours),
            ],
        })
    }
}

fn build(device: &wgpu::Device, layout: &wgpu::PipelineLayout, pass: Pass) -> wgpu::RenderPipeline {
    let over = Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING);
    let (source, entry_point, blend) = match pass {
        Pass::Slice { .. } => (slice::SHADER, "slice_at", None),
        Pass::Overlay => (overlay::SHADER, "overlay_at", over),
        Pass::Threshold { .. } => (threshold::SHADER, "threshold_at", over),
        Pass::Projection { .. } => (projection::SHADER, "projection_at", None),
        Pass::Surface => (projection::SHADER, "surface_at", over),
    };
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(entry_point),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(entry_point),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("rectangle"),
            compilation_options: Default::default(),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: size_of::<PixelRect>() as u64,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes: &wgpu::vertex_attr_array![0 => Uint32x4],
            })],
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..Default::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(entry_point),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants(pass),
                ..Default::default()
            },
            targets: &[Some(wgpu::ColorTargetState {
                format: PICTURE_FORMAT,
                blend,
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

fn constants(pass: Pass) -> Vec<(&'static str, f64)> {
    let flag = |name, set: bool| (name, f64::from(u8::from(set)));
    match pass {
        Pass::Slice { kind, smooth, flat_axis } => {
            let [coding, sign_shift] = Coding::constants(kind);
            let flat_axis = ("FLAT_AXIS", flat_axis.unwrap_or(3) as f64);
            vec![coding, sign_shift, flag("SMOOTH", smooth), flat_axis]
        }
        Pass::Projection { kind, smooth } => {
            let [coding, sign_shift] = Coding::constants(kind);
            vec![coding, sign_shift, flag("SMOOTH", smooth)]
        }
        Pass::Threshold { kind } => Coding::constants(kind).to_vec(),
        Pass::Overlay | Pass::Surface => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use wgpu::naga;

    use super::*;
    use crate::render::blit;

    #[test]
    fn every_shader_is_valid_on_every_backend_without_features() {
        for source in [slice::SHADER, overlay::SHADER, threshold::SHADER, projection::SHADER, blit::SHADER] {
            let module = naga::front::wgsl::parse_str(source)
                .unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
            let mut validator = naga::valid::Validator::new(
                naga::valid::ValidationFlags::all(),
                naga::valid::Capabilities::empty(),
            );
            validator.validate(&module).unwrap_or_else(|error| panic!("{}", error.emit_to_string(source)));
        }
    }
}
