//! Finished pictures onto the window: `blit.wgsl`. It changes no pixel, so its twin is the picture.

/// Shader of the pass.
pub(super) const SHADER: &str = include_str!("../../shaders/blit.wgsl");

/// Draws finished pictures into the format of one window.
#[derive(Debug)]
pub(super) struct Blit {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    exact: wgpu::Sampler,
    between: wgpu::Sampler,
}

impl Blit {
    pub(super) fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("blit"),
            source: wgpu::ShaderSource::Wgsl(SHADER.into()),
        });
        let linear_target = f64::from(u8::from(target.is_srgb()));
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("blit"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("whole_viewport"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("blit_at"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &[("LINEAR_TARGET", linear_target)],
                    ..Default::default()
                },
                targets: &[Some(target.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        let sampler = |filter| {
            device.create_sampler(&wgpu::SamplerDescriptor {
                mag_filter: filter,
                min_filter: filter,
                ..Default::default()
            })
        };
        Self {
            layout: pipeline.get_bind_group_layout(0),
            exact: sampler(wgpu::FilterMode::Nearest),
            between: sampler(wgpu::FilterMode::Linear),
            pipeline,
        }
    }

    /// The bindings for one picture. A magnified one is smoothed, any other reaches the window as it is.
    pub(super) fn bind(
        &self,
        device: &wgpu::Device,
        uniform: &wgpu::Buffer,
        picture: &wgpu::TextureView,
        magnified: bool,
    ) -> wgpu::BindGroup {
        let sampler = if magnified { &self.between } else { &self.exact };
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("blit"),
            layout: &self.layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(picture) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::Sampler(sampler) },
            ],
        })
    }

    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>, bindings: &wgpu::BindGroup) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, bindings, &[]);
        pass.draw(0..3, 0..1);
    }
}

pub(super) mod gpu_data {
    //! The layout of `blit.wgsl`.

    use bytemuck::{Pod, Zeroable};

    #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
    #[repr(C)]
    pub(in super::super) struct Blit {
        pub(in super::super) corner: [f32; 2],
        pub(in super::super) magnification: [f32; 2],
    }

    const _: () = assert!(size_of::<Blit>() == 16);
}
