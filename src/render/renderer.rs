//! Keeps a case on the device and its panes' pictures up to date.

use std::collections::HashMap;
use std::sync::Arc;

use super::blit::{self, Blit};
use super::gpu::{Gpu, GpuError};
use super::image::Image;
use super::labels::{LabelTexture, colour_texture, labelled_box, send_colours};
use super::passes::{PICTURE_FORMAT, Pass, Passes};
use super::picture::{Picture, Subject, draw_on_cpu};
use super::scene::{PixelRect, Scene};
use super::threshold::{TakenTable, Threshold};
use super::voxels::VoxelTexture;
use crate::case::Case;
use crate::geometry::{Patient, Point};

/// How fast a volume is sent to the device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// All at once, waiting for the device.
    Whole,
    /// Some bytes with each call and no waiting, the slices around a point first, so that the window
    /// stays alive.
    Bytes {
        /// Bytes to send, roughly.
        budget: usize,
        /// Where the person looks.
        focus: Point<Patient>,
    },
}

/// How much of a volume can be seen yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// All of it.
    Complete,
    /// The part of it that has been sent, from 0 to 1; what is missing is black.
    Partly(f64),
}

/// Draws panes. It holds nothing that a fresh one on a fresh device would not build again from the
/// same case; a volume that the device cannot hold is drawn by the CPU.
#[derive(Debug)]
pub struct Renderer {
    gpu: Gpu,
    passes: Passes,
    blit: Blit,
    colours: wgpu::TextureView,
    colour_texture: wgpu::Texture,
    taken: TakenTable,
    empty: wgpu::TextureView,
    shown: Option<Shown>,
    panes: HashMap<u64, Pane>,
    /// Grows whenever what the panes show has changed.
    revision: u64,
}

/// The case as the device has it.
#[derive(Debug)]
struct Shown {
    case: Case,
    time: usize,
    voxels: Result<VoxelTexture, String>,
    layers: Vec<LabelTexture>,
}

#[derive(Debug)]
struct Pane {
    drawn: Option<Drawn>,
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    scene_uniforms: Vec<wgpu::Buffer>,
    rectangles: wgpu::Buffer,
    blit_uniform: wgpu::Buffer,
    blit_bindings: wgpu::BindGroup,
    magnification: u32,
}

/// What a pane's picture was drawn from.
#[derive(Debug, PartialEq)]
struct Drawn {
    picture: Picture,
    revision: u64,
}

impl Renderer {
    /// A renderer that knows no case yet, for windows of one format (egui's target format).
    pub fn new(gpu: Gpu, target: wgpu::TextureFormat) -> Self {
        let colour_texture = colour_texture(&gpu);
        let empty = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("nothing"),
            size: wgpu::Extent3d { width: 1, height: 1, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D3,
            format: wgpu::TextureFormat::R8Uint,
            usage: wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        });
        Self {
            passes: Passes::new(&gpu.device),
            blit: Blit::new(&gpu.device, target),
            colours: colour_texture.create_view(&wgpu::TextureViewDescriptor::default()),
            colour_texture,
            taken: TakenTable::new(&gpu),
            empty: empty.create_view(&wgpu::TextureViewDescriptor::default()),
            shown: None,
            panes: HashMap::new(),
            revision: 0,
            gpu,
        }
    }

    /// The device it draws with.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Why the CPU draws slices, where it does: the device cannot hold the volume.
    pub fn drawn_by_cpu_because(&self) -> Option<&str> {
        self.shown.as_ref().and_then(|shown| shown.voxels.as_ref().err()).map(String::as_str)
    }

    /// Brings the device up to date with a case at a point in time: the volume if it is another one,
    /// the bricks of labels that changed, the colours if the scheme did. Cheap where nothing changed.
    pub fn sync(&mut self, case: &Case, time: usize, pace: Pace) -> Progress {
        let time = time.min(case.volume().times() - 1);
        if !self.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown.case.volume(), case.volume())) {
            self.take_volume(case, time);
        }
        let Some(shown) = &mut self.shown else { return Progress::Partly(0.0) };
        if shown.time != time {
            shown.time = time;
            self.revision += 1;
            if let Ok(voxels) = &mut shown.voxels {
                voxels.restart(time);
            }
        }
        let eyes = |case: &Case| {
            (0..case.layers().len()).map(|layer| case.is_layer_shown(layer)).collect::<Vec<_>>()
        };
        if eyes(&shown.case) != eyes(case) {
            shown.case = case.clone();
            self.revision += 1;
        }
        if shown.case.scheme() != case.scheme() {
            send_colours(&self.gpu, &self.colour_texture, case.scheme());
            shown.case = case.clone();
            self.revision += 1;
        }
        let dims = case.volume().grid().dims();
        let mut layers_changed = shown.layers.len() != case.layers().len();
        shown.layers.resize_with(case.layers().len(), || LabelTexture::new(dims));
        if shown.voxels.is_ok() {
            for (texture, map) in shown.layers.iter_mut().zip(case.layers()) {
                match texture.follow(&self.gpu, map) {
                    Ok(changed) => layers_changed |= changed,
                    Err(reason) => {
                        shown.voxels = Err(reason);
                        layers_changed = true;
                        break;
                    }
                }
            }
        } else {
            let same = |(ours, theirs): (&_, &_)| crate::volume::LabelMap::has_same_labels(ours, theirs);
            layers_changed |= !shown.case.layers().iter().zip(case.layers()).all(same);
        }
        if layers_changed {
            shown.case = case.clone();
            self.revision += 1;
        }
        let Ok(voxels) = &mut shown.voxels else { return Progress::Complete };
        if !voxels.is_complete() {
            let (budget, near, wait) = match pace {
                Pace::Whole => (usize::MAX, dims[2] / 2, true),
                Pace::Bytes { budget, focus } => {
                    (budget, case.volume().grid().clamped_index_at(focus).k, false)
                }
            };
            voxels.send(&self.gpu, budget, near, wait);
            self.revision += 1;
        }
        if voxels.is_complete() {
            Progress::Complete
        } else {
            Progress::Partly(voxels.arrived.len() as f64 / dims[2] as f64)
        }
    }

    fn take_volume(&mut self, case: &Case, time: usize) {
        // The old volume goes before the new one comes: both may not fit.
        self.shown = None;
        let voxels = VoxelTexture::new(&self.gpu, case.volume().clone(), time);
        if let Err(reason) = &voxels {
            tracing::warn!("slices are drawn by the CPU: {reason}");
        }
        send_colours(&self.gpu, &self.colour_texture, case.scheme());
        self.shown = Some(Shown { case: case.clone(), time, voxels, layers: Vec::new() });
        self.revision += 1;
    }

    /// Draws the picture of a pane in `size` pixels, if it is not there yet. Takes what was synced
    /// last; [`Display::time`](crate::view::Display) is what `sync` was told.
    pub fn prepare_pane(&mut self, pane: u64, picture: &Picture, size: [u32; 2]) {
        let most = self.gpu.device.limits().max_texture_dimension_2d;
        let magnification = picture.magnification();
        let size = size.map(|n| n.div_ceil(magnification).clamp(1, most));
        let fits = |pane: &Pane| {
            [pane.texture.width(), pane.texture.height()] == size && pane.magnification == magnification
        };
        if !self.panes.get(&pane).is_some_and(fits) {
            let made = Pane::new(&self.gpu, &self.blit, size, magnification);
            self.panes.insert(pane, made);
        }
        let (Some(shown), Some(pane)) = (&self.shown, self.panes.get_mut(&pane)) else { return };
        let drawn = Drawn { picture: picture.clone(), revision: self.revision };
        if pane.drawn.as_ref() == Some(&drawn) {
            return;
        }
        match &shown.voxels {
            Ok(voxels) => {
                let mut scene = Scene::new(&voxels.volume, picture, size);
                scene.first[2] = voxels.arrived.start;
                scene.last[2] = voxels.arrived.end.max(1) - 1;
                let layers = shown.layers.iter().enumerate();
                let layers =
                    layers.filter(|(layer, _)| shown.case.is_layer_shown(*layer)).map(|(_, layer)| layer);
                let mut draws = draws_of(picture, &scene, voxels, layers);
                if let Some(threshold) = picture.threshold.as_ref().filter(|_| voxels.tells_thresholds) {
                    self.taken.follow(&self.gpu, &shown.case, threshold);
                    draws.extend(shown.draw_of_threshold(threshold, &scene, voxels, self.taken.view()));
                }
                self.passes.prepare(draws.iter().map(|draw| draw.pass));
                let encoder =
                    pane.encode(&self.gpu, &self.passes, voxels, &draws, &self.empty, &self.colours);
                self.gpu.queue.submit([encoder.finish()]);
            }
            Err(_) => pane.write(&self.gpu, &draw_on_cpu(&shown.case, picture, size)),
        }
        pane.drawn = Some(drawn);
    }

    /// Puts the picture of a pane on the window. Its first pixel comes to lie on the window's pixel
    /// `corner`, which may lie outside; the pass's viewport and scissor say what of it is seen.
    pub fn paint_pane(&self, pane: u64, pass: &mut wgpu::RenderPass<'_>, corner: [f32; 2]) {
        let Some(pane) = self.panes.get(&pane) else { return };
        let magnification = [pane.magnification as f32; 2];
        let uniform = blit::gpu_data::Blit { corner: corner.map(f32::round), magnification };
        self.gpu.queue.write_buffer(&pane.blit_uniform, 0, bytemuck::bytes_of(&uniform));
        self.blit.draw(pass, &pane.blit_bindings);
    }

    /// Forgets a pane that is no longer shown.
    pub fn drop_pane(&mut self, pane: u64) {
        self.panes.remove(&pane);
    }

    /// The picture of a pane, read back from the device.
    pub fn read_pane(&self, pane: u64) -> Result<Image, GpuError> {
        let pane = self.panes.get(&pane).ok_or_else(|| GpuError::Failed("no such pane".into()))?;
        pane.read(&self.gpu)
    }
}

/// One draw of a pane.
struct Draw<'a> {
    pass: Pass,
    scene: Scene,
    labels: Option<&'a wgpu::TextureView>,
    /// The table of label colours, where it is not that of the scheme.
    table: Option<&'a wgpu::TextureView>,
    /// The pixels it draws, in rectangles that do not overlap.
    rectangles: Vec<PixelRect>,
}

fn draws_of<'a>(
    picture: &Picture,
    scene: &Scene,
    voxels: &VoxelTexture,
    layers: impl Iterator<Item = &'a LabelTexture>,
) -> Vec<Draw<'a>> {
    let corners = |cell: [usize; 3]| cell.map(|n| n as f64);
    let (kind, smooth) = (voxels.coding.kind, scene.smooth);
    let mut draws = Vec::new();
    let labelled = layers.filter_map(|layer| Some((layer, layer.view()?)));
    let labelled = labelled.filter(|_| scene.overlay.is_some());
    match picture.subject {
        Subject::Slice(_) => {
            let pass = Pass::Slice { kind, smooth, flat_axis: scene.flat_axis };
            let rectangles = scene.pixels_of(corners(scene.first), corners(scene.last)).into_iter().collect();
            draws.push(Draw { pass, scene: scene.clone(), labels: None, table: None, rectangles });
            draws.extend(labelled.map(|(layer, labels)| Draw {
                pass: Pass::Overlay,
                scene: scene.clone(),
                labels: Some(labels),
                table: None,
                rectangles: layer.rectangles_on(scene),
            }));
        }
        Subject::Projection { .. } => {
            let whole = vec![[0, 0, scene.size[0], scene.size[1]]];
            let pass = Pass::Projection { kind, smooth };
            let rectangles = whole.clone();
            draws.push(Draw { pass, scene: scene.clone(), labels: None, table: None, rectangles });
            draws.extend(labelled.filter_map(|(layer, labels)| {
                let (first, last) = labelled_box(layer.map())?;
                let (scene, rectangles) = (scene.of_labels(first, last), whole.clone());
                Some(Draw { pass: Pass::Surface, scene, labels: Some(labels), table: None, rectangles })
            }));
        }
    }
    draws
}

impl Shown {
    /// What a threshold would give away on a slice; nothing of a projection.
    fn draw_of_threshold<'a>(
        &'a self,
        threshold: &Threshold,
        scene: &Scene,
        voxels: &VoxelTexture,
        table: &'a wgpu::TextureView,
    ) -> Option<Draw<'a>> {
        let labels = self.layers.get(threshold.layer)?.view();
        let corners = |cell: [usize; 3]| cell.map(|n| n as f64);
        let rectangles = vec![scene.pixels_of(corners(scene.first), corners(scene.last))?];
        let pass = Pass::Threshold { kind: voxels.coding.kind };
        (scene.most_steps == 1).then(|| Draw {
            pass,
            scene: scene.clone(),
            labels,
            table: Some(table),
            rectangles,
        })
    }
}

impl Pane {
    fn new(gpu: &Gpu, blit: &Blit, size: [u32; 2], magnification: u32) -> Self {
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("pane"),
            size: wgpu::Extent3d { width: size[0], height: size[1], depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: PICTURE_FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT
                | wgpu::TextureUsages::TEXTURE_BINDING
                | wgpu::TextureUsages::COPY_SRC
                | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let blit_uniform = uniform_buffer(&gpu.device, size_of::<blit::gpu_data::Blit>());
        let blit_bindings = blit.bind(&gpu.device, &blit_uniform, &view, magnification > 1);
        Self {
            drawn: None,
            texture,
            view,
            scene_uniforms: Vec::new(),
            rectangles: rectangle_buffer(&gpu.device, 1),
            blit_uniform,
            blit_bindings,
            magnification,
        }
    }

    fn encode(
        &mut self,
        gpu: &Gpu,
        passes: &Passes,
        voxels: &VoxelTexture,
        draws: &[Draw<'_>],
        empty: &wgpu::TextureView,
        colours: &wgpu::TextureView,
    ) -> wgpu::CommandEncoder {
        let uniform_bytes = size_of::<super::scene::gpu_data::Scene>();
        let enough = self.scene_uniforms.len().max(draws.len());
        self.scene_uniforms.resize_with(enough, || uniform_buffer(&gpu.device, uniform_bytes));
        let rectangles: Vec<PixelRect> =
            draws.iter().flat_map(|draw| draw.rectangles.iter().copied()).collect();
        let bytes: &[u8] = bytemuck::cast_slice(&rectangles);
        if (bytes.len() as u64) > self.rectangles.size() {
            self.rectangles = rectangle_buffer(&gpu.device, rectangles.len().next_power_of_two());
        }
        gpu.queue.write_buffer(&self.rectangles, 0, bytes);
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("pane"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        let mut next = 0;
        for (draw, uniform) in draws.iter().zip(&self.scene_uniforms) {
            let first = next;
            next += draw.rectangles.len() as u32;
            let Some(pipeline) = passes.get(draw.pass).filter(|_| first < next) else { continue };
            gpu.queue.write_buffer(uniform, 0, bytemuck::bytes_of(&draw.scene.for_gpu(&voxels.coding)));
            let labels = draw.labels.unwrap_or(empty);
            let colours = draw.table.unwrap_or(colours);
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &passes.bind(uniform, &voxels.view, labels, colours), &[]);
            pass.set_vertex_buffer(0, self.rectangles.slice(..));
            pass.draw(0..4, first..next);
        }
        drop(pass);
        encoder
    }

    fn write(&self, gpu: &Gpu, image: &Image) {
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(image.size()[0] * 4),
            rows_per_image: None,
        };
        gpu.queue.write_texture(self.texture.as_image_copy(), image.rgba(), layout, self.texture.size());
    }

    fn read(&self, gpu: &Gpu) -> Result<Image, GpuError> {
        let failed = |error: &dyn std::fmt::Display| GpuError::Failed(error.to_string());
        let [width, height] = [self.texture.width(), self.texture.height()];
        let bytes_per_row = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from(bytes_per_row) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(bytes_per_row),
                    rows_per_image: None,
                },
            },
            self.texture.size(),
        );
        gpu.queue.submit([encoder.finish()]);
        let (send, arrived) = std::sync::mpsc::channel();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // Nobody waits for it any more when the reading was given up.
            let _ = send.send(result);
        });
        gpu.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| failed(&error))?;
        arrived.recv().map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let mapped = buffer.get_mapped_range(..).map_err(|error| failed(&error))?;
        let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
        for row in mapped.chunks_exact(bytes_per_row as usize) {
            rgba.extend_from_slice(&row[..width as usize * 4]);
        }
        Image::from_rgba([width, height], rgba).ok_or_else(|| failed(&"the picture came back cut"))
    }
}

fn uniform_buffer(device: &wgpu::Device, bytes: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("uniform"),
        size: bytes as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn rectangle_buffer(device: &wgpu::Device, count: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("rectangles"),
        size: (count * size_of::<PixelRect>()) as u64,
        usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
