//! Passes that compute and draw nothing, and what they need of the device.

/// Compute passes that read and write the same kinds of buffers.
#[derive(Debug)]
pub(super) struct Computing {
    layout: wgpu::BindGroupLayout,
    /// One for each entry point, in order.
    pub(super) passes: Vec<wgpu::ComputePipeline>,
}

impl Computing {
    /// The entry points of a shader whose first binding is a uniform buffer and whose others are storage, each
    /// told by whether it is only read.
    pub(super) fn new(
        device: &wgpu::Device,
        label: &str,
        shader: &str,
        only_read: &[bool],
        entry_points: &[&str],
    ) -> Self {
        let storage =
            only_read.iter().map(|read_only| wgpu::BufferBindingType::Storage { read_only: *read_only });
        let types = std::iter::once(wgpu::BufferBindingType::Uniform).chain(storage);
        let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..)
            .zip(types)
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
                count: None,
            })
            .collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(label),
            entries: &entries,
        });
        let of_passes = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(label),
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Wgsl(shader.into()),
        });
        let pass = |entry_point: &&str| {
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry_point),
                layout: Some(&of_passes),
                module: &module,
                entry_point: Some(entry_point),
                compilation_options: Default::default(),
                cache: None,
            })
        };
        Self { passes: entry_points.iter().map(pass).collect(), layout }
    }

    /// The buffers of a pass, in the order of the bindings.
    pub(super) fn group(&self, device: &wgpu::Device, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.layout,
            entries: &entries,
        })
    }
}
